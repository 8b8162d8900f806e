"""A plan as a person reads it."""

from datetime import timedelta
from typing import Optional

from podtune.training.ipu import IPU_MEBIBYTES
from rich.console import Console
from rich.table import Table

from podtune_pipelines.cost import Cost
from podtune_pipelines.gate_outlook import GateOutlook
from podtune_pipelines.ipu_plan import IpuPlan
from podtune_pipelines.plan import Plan
from podtune_pipelines.sizes import size_in_words


def show(made: Plan) -> None:
    """Print a plan."""
    console = Console()
    console.print(f"[bold]{made.recipe}[/bold] on {made.device}")
    steps = Table("step", "")
    for step, state in made.steps.items():
        steps.add_row(step, state)
    console.print(steps)
    console.print(_sizes(made))
    console.print(_needs(made))
    if made.gate is not None:
        _show_gate(console, made.gate)
    _show_release(console, made)
    if made.updates is None:
        console.print("steps and time: unknown until the data is fetched; --fetch downloads and prepares it")
        return
    console.print(_arithmetic(made))
    if made.ipu is not None:
        _show_ipus(console, made.ipu)
    if made.cost is not None:
        console.print(_cost(made.cost))
    elif made.ipu is not None:
        return
    elif made.steps["finetune"] == "reused":
        console.print("time: next to none, as training is reused")
    elif made.duration is None:
        console.print("time: unknown until the data is fetched; --fetch downloads, prepares and measures")


def _sizes(made: Plan) -> Table:
    source = {"features": "counted", "recipe": "as the recipe expects", "nothing": "unknown"}[made.counted_from]
    table = Table(
        "split", "examples", made.rows, "tokens", "in train too", title=f"data ({source})", title_justify="left"
    )
    for name, counts in made.splits.items():
        table.add_row(
            name, _number(counts.examples), _number(counts.rows), _number(counts.tokens), _number(counts.duplicates)
        )
    return table


def _needs(made: Plan) -> Table:
    needs = made.needs
    table = Table("needs", "", show_header=False, title="needs", title_justify="left")
    table.add_row("features on the disk", _size(needs.features_bytes, "data"))
    table.add_row("weights, gradient and optimizer", _size(needs.training_bytes, "model"))
    if needs.positions is not None:
        published = f"{_number(needs.published_positions)} padded as in the published runs"
        table.add_row("positions of text and regions", f"at most {_number(needs.positions)}; {published}")
    return table


def _show_gate(console: Console, gate: GateOutlook) -> None:
    """Say what the gate will be able to tell, and what to do where that is less than its tolerance."""
    known = "measured in the newest run" if gate.known_from == "the newest run" else "assumed; known after two runs"
    table = Table("gate", "", show_header=False, title="gate", title_justify="left")
    table.add_row("examples that are scored", _number(gate.examples))
    table.add_row(f"smallest loss of {gate.metric} that shows", f"{gate.smallest:.3g} ({known})")
    table.add_row("tolerance", f"{gate.tolerance:.3g}")
    table.add_row("a model that is as good passes", f"about {100 * gate.equal_model_passes:.0f} times in 100")
    console.print(table)
    if gate.is_too_small:
        console.print(_too_few(gate), soft_wrap=True)


def _show_release(console: Console, made: Plan) -> None:
    if made.refused:
        then = "a schedule would not train it, and a run would be refused again"
        console.print(f"{made.refused}; {then}", soft_wrap=True)
    if made.approval == "manual":
        console.print("release: a model that passes the gate waits until a person says podtune approve")


def _too_few(gate: GateOutlook) -> str:
    ways = [f"evaluate on about {gate.examples_needed:,} examples"] if gate.examples_needed else []
    ways += [f"--set {gate.wide_enough}"] if gate.wide_enough else []
    ways.append(f"--set gate.too_few={'accept' if gate.too_few == 'refuse' else 'refuse'}")
    return (
        f"too few examples for this tolerance: of most models that are as good the gate cannot tell, and will "
        f"{gate.too_few} them; {' or '.join(ways)}"
    )


def _arithmetic(made: Plan) -> Table:
    updates, duration = made.updates, made.duration
    assert updates is not None  # noqa: S101  # the caller returned otherwise
    table = Table("training", "", show_header=False, title="training", title_justify="left")
    table.add_row("rows in one optimizer step", _number(updates.batch_size))
    table.add_row("rows in one device call", _number(updates.rows_per_call))
    table.add_row("device calls", f"{_number(updates.calls_per_epoch)} an epoch, {_number(updates.calls)} in all")
    table.add_row("optimizer steps", f"{_number(updates.steps_per_epoch)} an epoch, {_number(updates.steps)} in all")
    table.add_row("rows consumed", _number(updates.rows_consumed))
    if duration is not None:
        table.add_row("speed (measured)", f"{duration.training_rows_per_second:,.1f} rows a second")
        table.add_row("training takes about", _clock(duration.training_seconds))
        table.add_row("evaluation takes about", _clock(duration.evaluation_seconds))
    return table


def _cost(cost: Cost) -> str:
    amount = f", {cost.amount:,.2f} at the price given" if cost.amount else ""
    energy = "" if cost.kilowatt_hours is None else f", {cost.kilowatt_hours:,.2f} kWh of the device in training"
    return f"cost: about {cost.device_hours:,.2f} device-hours{amount}{energy}"


def _show_ipus(console: Console, ipu: IpuPlan) -> None:
    table = Table("IPUs", "", show_header=False, title=f"{ipu.ipus} IPUs", title_justify="left")
    table.add_row("rows of fixed shape in a step", _number(ipu.rows_per_step))
    if ipu.pipeline is not None:
        table.add_row("rows of the fullest batch", _number(ipu.pipeline.fullest_rows))
        table.add_row("stages of the pipeline", f"{ipu.pipeline.stages} forward, {ipu.pipeline.stages - 1} back")
    if ipu.published_rows_per_second is not None:
        table.add_row("speed (published)", f"{ipu.published_rows_per_second:,.1f} rows a second")
    if ipu.seconds is not None:
        table.add_row("training takes at that speed", _clock(ipu.seconds))
    console.print(table)
    if ipu.pipeline is None:
        console.print("placement: unknown until model and data are fetched; --fetch downloads and prepares them")
        return
    shares = Table("IPU", "layers", "parameters", f"MiB of {IPU_MEBIBYTES}, at least")
    for number, share in enumerate(ipu.pipeline.shares):
        parameters, mebibytes = f"{share.parameters / 1e6:,.2f} million", f"{share.least_bytes >> 20:,}"
        shares.add_row(str(number), str(share.layers), parameters, mebibytes)
    console.print(shares)


def _number(value: Optional[int]) -> str:
    return "" if value is None else f"{value:,}"


def _size(size: Optional[int], what: str) -> str:
    return f"unknown until the {what} is fetched" if size is None else size_in_words(size)


def _clock(seconds: float) -> str:
    return str(timedelta(seconds=round(seconds)))
