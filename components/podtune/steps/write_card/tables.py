"""The tables of the card and the report, and everything else that their templates show."""

from typing import Any, Callable, Dict, Iterable, List, Optional, Sequence, Tuple

from podtune.cards.hub_rules import is_repository_id
from podtune.formats.evaluation import Slice
from podtune.steps.write_card.contents import NOT_STATED, Comparison, Contents
from podtune.steps.write_card.data_tables import data_changes, profile
from podtune.steps.write_card.markup import Cell, Link, Name, Table
from podtune.steps.write_card.sentences import sentences
from podtune.steps.write_card.shown_settings import ShownSetting
from podtune.steps.write_card.wording import capital, count, decimal, duration, fine, setting, short, signed
from podtune.tasks.intervals import interval_title


def template_values(contents: Contents) -> Dict[str, Any]:
    """Collect everything that the templates use, once for the card and the report."""
    raw_data = contents.records.raw_data
    data = hub_link(raw_data.dataset or raw_data.source, raw_data.source, "datasets/")
    tables = (
        results,
        champion,
        notes,
        comparison,
        slices,
        amounts,
        profile,
        data_changes,
        origins,
        preparation,
        run,
        settings,
        defaults,
        software,
    )
    return {
        "contents": contents,
        "words": contents.words,
        "evaluation": contents.records.evaluation,
        "verdict": contents.records.verdict,
        "tables": {tabulate.__name__: tabulate(contents) for tabulate in tables},
        "origin": {"data": data, "base_models": base_model_links(contents)},
        **sentences(contents),
    }


def results(contents: Contents) -> Table:
    """Tabulate every metric with its interval and count."""
    evaluation = contents.records.evaluation
    rows: List[Sequence[Cell]] = [
        (
            result.metric.title,
            decimal(result.value),
            between(result.low, result.high),
            "" if result.correct is None else f"{count(result.correct)} of {count(evaluation.examples)}",
        )
        for result in contents.results
    ]
    rows.append(("Loss", fine(evaluation.loss), "", ""))
    header = ("Metric", "Value", interval_title(evaluation.grouped_by), "Correct")
    columns = len(header) if any(result.correct is not None for result in contents.results) else len(header) - 1
    return Table(header[:columns], [row[:columns] for row in rows])


def champion(contents: Contents) -> Table:
    """Tabulate every metric beside the live release's on the same examples; what examples have was paired."""
    verdict = contents.records.verdict
    rows = []
    for result in contents.results if verdict.differences else ():
        paired, old = verdict.differences.get(result.name), verdict.champion_metrics.get(result.name)
        if paired is not None:
            difference = (signed(paired.value), between(paired.low, paired.high, signed))
            rows.append((result.metric.title, decimal(result.value), decimal(paired.champion), *difference))
        elif old is not None:
            difference = (signed(result.value - old), "not paired")
            rows.append((result.metric.title, decimal(result.value), decimal(old), *difference))
    title = interval_title(verdict.grouped_by)
    return Table(("Metric", "This model", f"Version {verdict.champion}", "Difference", title), rows)


def notes(contents: Contents) -> Table:
    """Tabulate recorded numbers that are not metrics."""
    recorded, meanings = contents.records.evaluation.notes, contents.task.notes
    rows = [(_spelled(name), fine(value), meanings.get(name, "")) for name, value in recorded.items()]
    return Table(("Also recorded", "Value", "Meaning"), rows, numbers=False)


def comparison(contents: Contents) -> Table:
    """Tabulate our metrics next to published ones."""
    inside = {True: "yes", False: "no", None: "no interval"}
    rows = [
        (contents.task.metric(line.name).title, *_compared(line), inside[line.inside]) for line in contents.comparisons
    ]
    return Table(("Metric", "This model", "Published", "Difference", "In our interval"), rows)


def slices(contents: Contents) -> List[Table]:
    """Tabulate the metrics of each slice, one table for each way to divide the examples."""
    metrics = contents.slice_metrics
    return [
        Table(
            (_spelled(name), capital(contents.words.examples), *(contents.task.metric(name).title for name in metrics)),
            [(part.value, count(part.examples), *(_metric(part, metric) for metric in metrics)) for part in parts],
        )
        for name, parts in contents.slices.items()
    ]


def amounts(contents: Contents) -> Table:
    """Tabulate the size of each split, and what the preparation counted in it."""
    words, splits = contents.words, [contents.records.features.splits[split] for split in contents.splits]
    rows = [(capital(words.examples), *(count(split.examples) for split in splits))]
    if words.rows != words.examples:
        rows.append((capital(words.rows), *(count(split.rows) for split in splits)))
    rows.append(("Tokens", *(count(split.tokens) for split in splits)))
    return Table(("", *map(Name, contents.splits)), [*rows, *_counts_of_preparation(contents)])


def origins(contents: Contents) -> Table:
    """Tabulate the origin of the data and the base model."""
    raw_data, models, digests = contents.records.raw_data, contents.base_models, contents.records.digests
    sources: List[Any] = [raw_data, *models]
    headings = ("Base model",) if len(models) == 1 else ("Encoder", "Decoder")
    return Table(
        ("", "Data", *headings),
        [
            (
                "Name",
                hub_link(raw_data.dataset, raw_data.source, "datasets/"),
                *(hub_link(made.model, made.source, "") for made in models),
            ),
            ("Source", *(Name(made.source) for made in sources)),
            ("Revision", *(Name(made.revision) if made.revision else "none" for made in sources)),
            ("Licence", *(_stated(made.licence) for made in sources)),
            ("Manifest digest", Name(digests["raw_data"]), *(Name(digests["base_model"]) for _ in models)),
        ],
        numbers=False,
    )


def preparation(contents: Contents) -> Table:
    """Tabulate what the preparation recorded about all splits together."""
    details, splits = contents.records.features.details, contents.records.features.splits
    rows = [(_spelled(name), _recorded(value)) for name, value in details.items() if name not in splits]
    return Table(("", "Preparation"), rows, numbers=False)


def run(contents: Contents) -> Table:
    """Tabulate the training run."""
    facts, summary, rows = contents.records.checkpoint, contents.training, capital(contents.words.rows)
    iterations, last = facts.training.get("device_iterations", 1), summary.last_losses
    call = f"{count(summary.rows_per_call)} ({count(iterations)} optimizer steps at a fixed learning rate)"
    energy = facts.kilowatt_hours
    best = f"the best checkpoint by {facts.training.get('best_metric')}"
    lines: List[Tuple[str, Optional[str]]] = [
        ("Model", facts.architecture),
        ("Optimizer steps", f"{count(facts.steps)} ({count(facts.steps_per_epoch)} per epoch)"),
        (f"{rows} per optimizer step", setting(facts.training.get("batch_size"))),
        (f"{rows} per device call", None if iterations == 1 else call),
        (f"{rows} seen", count(facts.examples_seen)),
        ("Weights", f"from step {count(facts.kept_step)}, {'the last' if facts.kept_step == facts.steps else best}"),
        ("Training loss", f"{fine(facts.train_loss)} (mean over all steps, including the first)"),
        ("Final training loss", None if last is None else f"{fine(last)} (mean over the last tenth of the steps)"),
        ("Training time", f"{duration(facts.seconds)} ({decimal(facts.seconds, 1)} s)"),
        ("Device-hours", short(summary.device_hours) if summary.device_hours else None),
        ("Energy", f"{short(energy)} kWh, as the devices count what they take themselves" if energy else None),
        (f"{rows} per second", short(summary.rows_per_second)),
        ("Hardware", hardware(contents)),
        ("Image", Name(facts.image) if facts.image else None),
        ("Times resumed", count(facts.resumed)),
    ]
    return Table(("", "Training"), [(name, value) for name, value in lines if value], numbers=False)


def settings(contents: Contents) -> Table:
    """Tabulate the settings that are not podtune's defaults."""
    return _settings(shown for shown in contents.settings if not shown.default)


def defaults(contents: Contents) -> Table:
    """Tabulate the settings that are podtune's defaults."""
    return _settings(shown for shown in contents.settings if shown.default)


def software(contents: Contents) -> Table:
    """Tabulate the package versions of the training."""
    versions = sorted(contents.records.checkpoint.software.items())
    return Table(("Package", "Version"), [(Name(name), Name(version)) for name, version in versions], numbers=False)


def base_model_links(contents: Contents) -> List[Cell]:
    """Name the pretrained models, with links to those from the Hub."""
    return [hub_link(made.model or made.source, made.source, "") for made in contents.base_models]


def interval_of(part: Slice, metric: str) -> Optional[Tuple[float, float]]:
    """Return a slice's interval; None of earlier evaluations, and where it has no width.

    Earlier ones said of examples that all scored alike that the value is certain, however few they are.
    """
    low, high = part.low.get(metric), part.high.get(metric)
    return None if low is None or high is None or low == high else (low, high)


def between(low: float, high: float, formatted: Callable[[float], str] = decimal) -> str:
    """Format an interval."""
    return f"{formatted(low)} to {formatted(high)}"


def _settings(shown: Iterable[ShownSetting]) -> Table:
    return Table(("Setting", "Value"), [(Name(one.name), Name(one.value)) for one in shown], numbers=False)


def _stated(value: str) -> Cell:
    return Name(value) if value else NOT_STATED


def hub_link(name: str, source: str, section: str) -> Cell:
    """Link to a repository on the Hub if it is the source, otherwise return its bare name."""
    on_hub = source.partition("?")[0] == f"hf://{section}{name}" and is_repository_id(name)
    return Link(name, f"https://huggingface.co/{section}{name}") if on_hub else _stated(name)


def hardware(contents: Contents) -> str:
    """Describe the devices in one line."""
    facts = contents.records.checkpoint.hardware
    units: Iterable[Tuple[str, str]] = (
        ("cores", "{} cores"),
        ("threads", "{} threads"),
        ("memory_gib", "{} GiB of memory"),
    )
    parts = [f"{setting(facts.get('count', 1))} × {facts.get('name', 'unknown')} ({facts.get('device', 'unknown')})"]
    parts += [f"computing in {facts['precision']}"] if "precision" in facts else []
    parts += [text.format(setting(facts[key])) for key, text in units if facts.get(key)]
    return ", ".join(parts)


def _compared(line: Comparison) -> Tuple[str, str, str]:
    difference = line.value - line.published
    if line.inside is not None:
        return decimal(line.value), decimal(line.published), signed(difference)
    return fine(line.value), fine(line.published), f"{'-' if difference < 0 else '+'}{fine(abs(difference))}"


def _counts_of_preparation(contents: Contents) -> List[Tuple[str, ...]]:
    """Make a row for everything that the preparation counted in the splits, except the examples."""
    details = [contents.records.features.details.get(split, {}) for split in contents.splits]
    names = dict.fromkeys(name for of_split in details for name in of_split if name != contents.words.examples)
    return [(_spelled(name), *(_recorded(of_split.get(name, "")) for of_split in details)) for name in names]


def _recorded(value: Any) -> str:
    return count(value) if type(value) is int else setting(value)


def _spelled(name: str) -> str:
    return capital(name.replace("_", " "))


def _metric(part: Slice, metric: str) -> str:
    if metric not in part.metrics:
        return ""
    interval = interval_of(part, metric)
    return decimal(part.metrics[metric]) + (f" ({between(*interval)})" if interval else "")
