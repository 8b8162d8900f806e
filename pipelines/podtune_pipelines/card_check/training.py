"""Contradictions in the arithmetic of a training run; every public function is a rule."""

from math import ceil, prod
from typing import Dict

from podtune_pipelines.card_check.claims import Claims, Found
from podtune_pipelines.card_check.course import batch_of, courses, rows_an_epoch


def epochs_contradict_steps(claims: Claims) -> Found:
    """Two rows of a table allow no number of batches an epoch."""
    for course in courses(claims):
        pair = course.contradiction()
        if pair:
            (step, epoch), (later_step, later_epoch) = pair
            rows = f"step {step.text} at epoch {epoch.text} and step {later_step.text} at epoch {later_epoch.text}"
            rule = f"no number of batches an epoch, {course.accumulation} a step, gives both"
            yield later_step.line, f"{rows}: {rule}"


def table_exceeds_settings(claims: Claims) -> Found:
    """A table goes on after the epochs or steps that were set."""
    epochs, most = claims.number("epochs"), claims.number("max_steps")
    for course in courses(claims) if epochs else ():
        step, epoch = course.rows[-1]
        if epochs and epoch.low - epoch.value / step.value > epochs:
            yield step.line, f"the table reaches epoch {epoch.text}, but num_epochs is {epochs:g}"
    for grid in claims.grids if most and most > 0 else ():
        beyond = [step for step in grid.column("step") if most and step.value > most]
        if beyond and grid.column("epoch"):
            yield beyond[-1].line, f"the table reaches step {beyond[-1].text}, but training_steps is {most:g}"


def steps_contradict_samples(claims: Claims) -> Found:
    """Steps times batch are other rows an epoch than the samples."""
    samples = claims.figure("train_samples")
    for least, most, told, line in rows_an_epoch(claims) if samples else ():
        if samples and not least <= samples.value <= most:
            yield line, f"{told} is {least:,} to {most:,} rows an epoch, but train_samples is {samples.text}"


def steps_contradict_data(claims: Claims) -> Found:
    """Steps times batch are several times the rows of a known data set."""
    data = claims.data
    for least, most, told, line in rows_an_epoch(claims) if data else ():
        for rows in data.windows if data and most - least < data.trained // 1000 else ():
            times = most // rows
            if data and times > 1 and least <= times * rows <= most:
                known = f"{times} times the {rows:,} training windows of {data.title}"
                yield line, f"{told} is {least:,} to {most:,} rows an epoch, {known}"


def speed_contradicts_samples(claims: Claims) -> Found:
    """Samples per second times seconds are more than the samples times the epochs."""
    epochs = _epochs(claims)
    rate, runtime = claims.figure("train_samples_per_second"), claims.figure("train_runtime")
    samples, seen = claims.figure("train_samples"), claims.figure("train_seen")
    total = seen.value if seen else samples.value * epochs if samples and epochs else None
    if rate and runtime and total and rate.low * runtime.low > total:
        speed = f"{rate.text} samples per second for {runtime.value:,g} seconds are at least"
        of = "were seen" if seen else f"are all of {epochs:g} epochs of train_samples"
        yield rate.line, f"{speed} {rate.low * runtime.low:,.0f}, but {total:,.0f} {of}"


def speed_contradicts_steps(claims: Claims) -> Found:
    """Steps per second times seconds are more than the steps of all epochs."""
    epochs, batch = _epochs(claims), batch_of(claims)
    rate, runtime = claims.figure("train_steps_per_second"), claims.figure("train_runtime")
    samples = claims.figure("train_samples")
    if rate and runtime and samples and epochs and batch:
        least, most = rate.low * runtime.low, ceil(ceil(samples.value / batch) * epochs)
        if least > most:
            speed = f"{rate.text} steps per second for {runtime.value:,g} seconds are at least {least:,.0f}"
            run = f"{epochs:g} epochs of {samples.text} train_samples in batches of {batch:g} have {most:,}"
            yield rate.line, f"{speed}, but {run}"


def batch_does_not_multiply_out(claims: Claims) -> Found:
    """The total batch size is no multiple of its factors, or another one where all factors are given."""
    for phase, wanted in (("train", {"num_devices", "gradient_accumulation_steps"}), ("eval", {"num_devices"})):
        name, factors = f"total_{phase}_batch_size", _factors(claims, phase)
        total, product = claims.number(name), prod(factors.values())
        if name not in claims.listed or not total or not product or f"per_device_{phase}_batch_size" not in factors:
            continue
        if total % product or (total != product and wanted <= factors.keys()):
            told = " × ".join(f"{factor} {value:g}" for factor, value in factors.items())
            yield claims.listed[name].number, f"{name} is {total:g}, but {told} is {product:g}"


def _epochs(claims: Claims) -> float:
    """The most epochs that the run may have had, for its settings; 0 if they do not say."""
    epochs, trained = claims.number("epochs"), claims.figure("epoch")
    return max(epochs, trained.value if trained else 0.0) if epochs and epochs > 0 else 0.0


def _factors(claims: Claims, phase: str) -> Dict[str, float]:
    accumulated = ("gradient_accumulation_steps",) if phase == "train" else ()
    names = (f"per_device_{phase}_batch_size", "num_devices", *accumulated, "replication_factor", "device_iterations")
    factors = {name: claims.number(name) for name in names}
    return {name: value for name, value in factors.items() if value is not None}
