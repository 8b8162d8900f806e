"""The tables of a card, the same in Markdown and in HTML."""

from dataclasses import dataclass
from typing import Iterable, List, Optional, Sequence, Tuple, Union

from podtune.write_card.contents import Contents
from podtune.write_card.hub_rules import is_repository_id
from podtune.write_card.wording import capital, count, decimal, duration, setting, short, signed


class Name(str):
    """A text that a program knows by this spelling; shown as code."""

    __slots__ = ()


@dataclass(frozen=True)
class Link:
    """A text that leads to a page of the Hub."""

    text: str
    address: str


Cell = Union[str, Name, Link]


@dataclass(frozen=True)
class Table:
    """Rows of cells under a header."""

    header: Tuple[Cell, ...]
    rows: List[Sequence[Cell]]
    numbers: bool = True
    """Whether every column but the first holds numbers and is aligned to the right."""


def results(contents: Contents) -> Table:
    """Every metric with its interval and its count."""
    examples, evaluation = contents.words.examples, contents.records.evaluation
    rows: List[Sequence[Cell]] = [
        (
            Name(result.name),
            decimal(result.value),
            f"{decimal(result.low)} to {decimal(result.high)}",
            "" if result.correct is None else f"{count(result.correct)} of {count(evaluation.examples)}",
        )
        for result in contents.results
    ]
    rows.append((Name("loss"), decimal(evaluation.loss, 4), "", ""))
    return Table(("Metric", "Value", "95 % interval", f"{capital(examples)} right"), rows)


def comparison(contents: Contents) -> Table:
    """Our metrics beside the published ones."""
    inside = {True: "yes", False: "no", None: "no interval"}
    rows = [
        (
            Name(line.name),
            decimal(line.value),
            decimal(line.published),
            signed(line.value - line.published),
            inside[line.inside],
        )
        for line in contents.comparisons
    ]
    return Table(("Metric", "This model", "Published", "Difference", "Published value in the interval"), list(rows))


def slices(contents: Contents) -> List[Table]:
    """One table for each thing that the examples are divided by."""
    metrics = [result.name for result in contents.results]
    return [
        Table(
            (Name(name), capital(contents.words.examples), *map(Name, metrics)),
            [
                (part.value, count(part.examples), *(_metric(part.metrics.get(metric)) for metric in metrics))
                for part in parts
            ],
        )
        for name, parts in contents.slices.items()
    ]


def amounts(contents: Contents) -> Table:
    """How much of each split there is."""
    splits = contents.records.features.splits
    order = contents.splits
    return Table(
        ("", *map(Name, order)),
        [
            (capital(contents.words.examples), *(count(splits[split].examples) for split in order)),
            (capital(contents.words.rows), *(count(splits[split].rows) for split in order)),
            ("Tokens", *(count(splits[split].tokens) for split in order)),
        ],
    )


def origins(contents: Contents) -> Table:
    """Where the data and the base model came from."""
    raw_data, base_model = contents.records.raw_data, contents.records.base_model
    digests = contents.records.digests
    return Table(
        ("", "Data", "Base model"),
        [
            (
                "Name",
                hub_link(raw_data.dataset, raw_data.source, "datasets/"),
                hub_link(base_model.model, base_model.source, ""),
            ),
            ("Source", Name(raw_data.source), Name(base_model.source)),
            ("Revision", *(Name(made.revision) if made.revision else "none" for made in (raw_data, base_model))),
            ("Licence", Name(raw_data.licence), Name(base_model.licence)),
            ("Digest of the manifest", Name(digests["raw_data"]), Name(digests["base_model"])),
        ],
        numbers=False,
    )


def run(contents: Contents) -> Table:
    """How the training went."""
    facts, summary, rows = contents.records.checkpoint, contents.training, capital(contents.words.rows)
    lines: List[Tuple[str, Optional[str]]] = [
        ("Optimizer steps", f"{count(facts.steps)}, of which {count(facts.steps_per_epoch)} are an epoch"),
        (f"{rows} in one optimizer step", setting(facts.training.get("batch_size"))),
        (f"{rows} in one call to the device", _call(contents)),
        (f"{rows} seen", count(facts.examples_seen)),
        ("Weights", _weights(contents)),
        ("Training loss", f"{decimal(facts.train_loss, 4)}, the mean over all steps, the untrained start included"),
        ("Training loss at the end", _last_losses(contents)),
        ("Training time", f"{duration(facts.seconds)} ({decimal(facts.seconds, 1)} s)"),
        (f"{rows} per second", short(summary.rows_per_second)),
        ("Hardware", hardware(contents)),
        ("Continued after interruptions", count(facts.resumed)),
    ]
    return Table(("", "Training"), [(name, value) for name, value in lines if value], numbers=False)


def settings(contents: Contents) -> Table:
    """Every setting that shaped the model."""
    rows = [(Name(name), Name(setting(value))) for name, value in contents.settings]
    return Table(("Setting", "Value"), list(rows), numbers=False)


def software(contents: Contents) -> Table:
    """Package versions of the training."""
    versions = contents.records.checkpoint.software
    return Table(
        ("Package", "Version"), [(Name(name), Name(versions[name])) for name in sorted(versions)], numbers=False
    )


def hub_link(name: str, source: str, section: str) -> Cell:
    """A link where the thing was read from the Hub, else its bare name."""
    place = source.partition("?")[0]
    on_hub = place == f"hf://{section}{name}" and is_repository_id(name)
    return Link(name, f"https://huggingface.co/{section}{name}") if on_hub else Name(name)


def hardware(contents: Contents) -> str:
    """The devices in one line."""
    facts = contents.records.checkpoint.hardware
    units: Iterable[Tuple[str, str]] = (("cores", "{} cores"), ("memory_gib", "{} GiB of memory"))
    parts = [f"{setting(facts.get('count', 1))} × {facts.get('name', 'unknown')} ({facts.get('device', 'unknown')})"]
    parts += [f"computing in {facts['precision']}"] if "precision" in facts else []
    parts += [text.format(setting(facts[key])) for key, text in units if facts.get(key)]
    return ", ".join(parts)


def _call(contents: Contents) -> Optional[str]:
    iterations = contents.records.checkpoint.training.get("device_iterations", 1)
    if iterations == 1:
        return None
    return (
        f"{count(contents.training.call)}: {count(iterations)} optimizer steps, "
        "between which the learning rate does not move"
    )


def _weights(contents: Contents) -> str:
    facts = contents.records.checkpoint
    if facts.kept_step == facts.steps:
        return f"of step {count(facts.kept_step)}, the last"
    return f"of step {count(facts.kept_step)}, the best checkpoint by {facts.training.get('best_metric')}"


def _last_losses(contents: Contents) -> Optional[str]:
    value = contents.training.last_losses
    return None if value is None else f"{decimal(value, 4)}, the mean over the last tenth of the steps"


def _metric(value: Optional[float]) -> str:
    return "" if value is None else decimal(value)
