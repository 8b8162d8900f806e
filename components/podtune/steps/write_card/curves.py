"""A training log as lines to draw."""

from dataclasses import dataclass
from typing import Dict, List, Sequence, Tuple

import numpy as np

from podtune.steps.write_card.records import Records

MOST_EPOCHS = 20


@dataclass(frozen=True)
class Curve:
    """Values over optimizer steps."""

    steps: Tuple[float, ...]
    values: Tuple[float, ...]

    def smoothed(self) -> "Curve":
        """The running mean over a twentieth of the curve, shorter at both ends."""
        reach = len(self.steps) // 40
        if reach == 0:
            return self
        sums = np.concatenate([[0.0], np.cumsum(self.values)])
        index = np.arange(len(self.steps))
        first, last = np.maximum(index - reach, 0), np.minimum(index + reach + 1, len(self.steps))
        return Curve(self.steps, tuple(((sums[last] - sums[first]) / (last - first)).tolist()))

    def thinned(self, most: int) -> "Curve":
        """At most so many points: means over blocks of neighbours."""
        size = -(-len(self.steps) // most) if self.steps else 1
        blocks = range(0, len(self.steps), size)
        steps, values = (
            tuple(_mean(row[block : block + size]) for block in blocks) for row in (self.steps, self.values)
        )
        return Curve(steps, values)


@dataclass(frozen=True)
class Curves:
    """What a run's log shows over its steps."""

    loss: Curve
    learning_rate: Curve
    on_the_way: Dict[str, Curve]
    """Validation metrics, by name, where the run evaluated before its end."""

    kept: Tuple[int, float]
    """The released weights: their step, and their loss on the evaluated split."""

    steps: int
    """Of the whole run."""

    epoch_ends: List[int]
    """Steps, the last one left out; none where they are too many to draw."""


def curves_of(records: Records) -> Curves:
    """Read the curves out of the records."""
    facts, log = records.checkpoint, records.log
    names = sorted({name for _, metrics in log.evaluations for name in metrics})
    points = {name: [(step, metrics[name]) for step, metrics in log.evaluations if name in metrics] for name in names}
    ends = list(range(facts.steps_per_epoch, facts.steps, max(facts.steps_per_epoch, 1)))
    return Curves(
        loss=_curve([(entry["step"], entry["loss"]) for entry in log.training]),
        learning_rate=_curve([(entry["step"], entry["learning_rate"]) for entry in log.training]),
        on_the_way={name: _curve(found) for name, found in points.items()},
        kept=(facts.kept_step, records.evaluation.loss),
        steps=facts.steps,
        epoch_ends=ends if len(ends) <= MOST_EPOCHS else [],
    )


def _curve(points: Sequence[Tuple[float, float]]) -> Curve:
    return Curve(tuple(step for step, _ in points), tuple(value for _, value in points))


def _mean(values: Tuple[float, ...]) -> float:
    return sum(values) / len(values)
