"""The scored example that a card's code is shown with."""

from typing import Any, Mapping, Sequence

from podtune.formats.evaluation import UsageExample, surest_first
from podtune.formats.features import Features
from podtune.tasks.task import task_named


def usage_of(features: Features, split: str, records: Sequence[Mapping[str, Any]]) -> UsageExample:
    """Choose it among those that score highest by their metrics, of which the first counts most; the surest first."""
    scores = [tuple(record["scores"].values()) for record in records]
    highest = max(scores)
    best = [row for row in surest_first(records) if scores[row] == highest]
    return task_named(features.facts.task).usage_example(features, split, records, best)
