"""The new model beside the live release, example by example: for a reader, whatever the gate decides."""

from dataclasses import dataclass, field
from typing import Dict, Iterable, List, Mapping, Optional, Sequence

import numpy as np

from podtune.formats.evaluation import rows_by_slice
from podtune.formats.verdict import ChangedExample, Changes, Difference, SliceDifference
from podtune.steps.compare.evaluated import Evaluated
from podtune.steps.compare.settings import GateSettings
from podtune.tasks.intervals import interval_of_difference
from podtune.tasks.task import metric_named

SHOWN = 6
"""Examples that are told of those that changed."""

Scores = Mapping[str, np.ndarray]
"""Metric to float64 [examples]."""


@dataclass(frozen=True)
class Differences:
    """How two models differ on the same examples; all empty where they cannot be paired."""

    metrics: Dict[str, Difference] = field(default_factory=dict)
    slices: List[SliceDifference] = field(default_factory=list)
    better: Changes = field(default_factory=Changes)
    worse: Changes = field(default_factory=Changes)


def differences_of(new: Evaluated, champion: Evaluated, settings: GateSettings) -> Differences:
    """Pair two evaluations by every metric that all examples have in both."""
    if not can_be_paired(new, champion):
        return Differences()
    ids = list(new.examples)
    pairs = {metric: (_scores(new, metric, ids), _scores(champion, metric, ids)) for metric in new.example_metrics}
    after = {metric: scores for metric, (scores, other) in pairs.items() if scores is not None and other is not None}
    before = {metric: other for metric, (_, other) in pairs.items() if metric in after and other is not None}
    changed = after[settings.metric] - before[settings.metric] if settings.metric in after else np.zeros(len(ids))
    return Differences(
        metrics=_differences(after, before, new.groups.numbers),
        slices=[
            SliceDifference(
                *part,
                _differences(
                    {m: after[m][rows] for m in after}, {m: before[m][rows] for m in after}, new.groups.of(rows)
                ),
            )
            for part, rows in sorted(rows_by_slice(new.examples[name].slices for name in ids).items())
        ],
        better=_changes(champion, ids, changed),
        worse=_changes(champion, ids, -changed),
    )


def can_be_paired(new: Evaluated, champion: Evaluated) -> bool:
    """Whether both were evaluated on the same examples."""
    return champion.data == new.data and champion.examples.keys() == new.examples.keys()


def _scores(evaluated: Evaluated, metric: str, ids: Iterable[str]) -> Optional[np.ndarray]:
    """A metric of these examples; None unless every one has a finite number."""
    try:
        scores = np.array([float(evaluated.examples[name].scores[metric]) for name in ids])
    except (KeyError, TypeError, ValueError):
        return None
    return scores if np.isfinite(scores).all() else None


def _differences(new: Scores, champion: Scores, groups: Optional[np.ndarray]) -> Dict[str, Difference]:
    found = {}
    for metric, scores in new.items():
        change = scores - champion[metric]
        low, high = interval_of_difference(change, groups, highest=metric_named(metric).end)
        found[metric] = Difference(float(champion[metric].mean()), float(change.mean()), low, high)
    return found


def _changes(champion: Evaluated, ids: Sequence[str], gains: np.ndarray) -> Changes:
    """Count the examples with a gain, and tell the champion's predictions for the largest ones."""
    largest = np.argsort(-gains, kind="stable")[: min(SHOWN, int((gains > 0).sum()))]
    return Changes(
        count=int((gains > 0).sum()),
        examples=[ChangedExample(ids[row], champion.examples[ids[row]].prediction) for row in largest],
    )
