"""The report's tables of slices: a value with its interval below it, and a bar."""

from dataclasses import dataclass
from typing import Dict, List, Optional, Tuple

from markupsafe import Markup

from podtune.formats.evaluation import Slice
from podtune.formats.verdict import Difference
from podtune.steps.write_card.charts import interval_bar
from podtune.steps.write_card.contents import Contents
from podtune.steps.write_card.tables import between, interval_of
from podtune.steps.write_card.wording import count, decimal, signed


@dataclass(frozen=True)
class Measure:
    """A cell."""

    value: str = ""
    interval: str = ""
    """Empty where there is none."""

    bar: Optional[Markup] = None


Measures = Dict[str, List[Tuple[List[str], List[Measure]]]]
"""What the examples are divided by, to rows: the first cells as texts, and a measure for each metric."""


def slice_measures(contents: Contents) -> Measures:
    """Measure each part of the examples by the metrics that it has."""
    return {
        name: [
            (
                [part.value, count(part.examples)],
                [_measure(contents, part, metric) for metric in contents.slice_metrics],
            )
            for part in parts
        ]
        for name, parts in contents.slices.items()
    }


def slice_differences(contents: Contents) -> Measures:
    """Measure the differences from the live release, in the order of the slices; empty where nothing was paired."""
    metrics, paired = contents.slice_metrics, contents.records.verdict.slices
    found = {(one.name, one.value): [_difference(one.metrics.get(metric)) for metric in metrics] for one in paired}
    rows = {
        name: [([part.value], found[name, part.value]) for part in parts if (name, part.value) in found]
        for name, parts in contents.slices.items()
    }
    return {name: of_name for name, of_name in rows.items() if of_name}


def bar(contents: Contents, metric: str, value: float, low: float = 0, high: float = 0) -> Markup:
    """Draw a metric's value, and its interval where it has one, as a share of the highest."""
    return interval_bar(value, low, high, contents.task.metric(metric).highest)


def _measure(contents: Contents, part: Slice, metric: str) -> Measure:
    if metric not in part.metrics:
        return Measure(bar=Markup(""))
    value, interval = part.metrics[metric], interval_of(part, metric)
    return Measure(
        decimal(value), between(*interval) if interval else "", bar(contents, metric, value, *(interval or ()))
    )


def _difference(found: Optional[Difference]) -> Measure:
    if found is None:
        return Measure()
    return Measure(signed(found.value), between(found.low, found.high, signed) if found.low != found.high else "")
