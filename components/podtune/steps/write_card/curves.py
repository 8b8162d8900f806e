"""The training log as curves over the optimizer steps."""

from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, Sequence, Tuple

import numpy as np

from podtune.steps.write_card.records import Records

MOST_EPOCHS = 20


@dataclass(frozen=True)
class Curve:
    """Values over optimizer steps."""

    steps: Tuple[float, ...]
    values: Tuple[float, ...]

    def smoothed(self) -> "Curve":
        """Return the running mean over a twentieth of the curve, with a shorter window at both ends."""
        half = len(self.steps) // 40
        if half == 0:
            return self
        sums = np.concatenate([[0.0], np.cumsum(self.values)])
        index = np.arange(len(self.steps))
        first, last = np.maximum(index - half, 0), np.minimum(index + half + 1, len(self.steps))
        return Curve(self.steps, tuple(((sums[last] - sums[first]) / (last - first)).tolist()))

    def thinned(self, most: int) -> "Curve":
        """Reduce the curve to at most this many points, each the mean of a block of neighbours."""
        size = -(-len(self.steps) // most) if self.steps else 1
        blocks = range(0, len(self.steps), size)
        steps, values = (
            tuple(sum(row[block : block + size]) / len(row[block : block + size]) for block in blocks)
            for row in (self.steps, self.values)
        )
        return Curve(steps, values)


@dataclass(frozen=True)
class Axis:
    """The horizontal axis of a chart."""

    start: float
    end: float
    marks: Sequence[float] = ()
    """Where dashed lines are."""

    from_zero: bool = True
    """Whether the vertical axis begins at zero."""


@dataclass(frozen=True)
class Curves:
    """A training run's log as curves."""

    loss: Curve
    learning_rate: Curve
    gradient_norm: Curve
    """Empty where the device does not tell it."""

    speed: Curve
    """Rows per second."""

    validation: Dict[str, Curve]
    """Metric to its values during training; empty where the run evaluated only at its end."""

    kept: Tuple[int, float]
    """The released weights: their step, and their loss on the evaluated split."""

    steps: int
    """Steps of the run."""

    epoch_ends: List[int]
    """Steps, except the last; empty where there are too many to draw."""

    @property
    def axis(self) -> Axis:
        """The steps of the run."""
        return Axis(0, max(self.steps, 1), self.epoch_ends)


def curves_of(records: Records) -> Curves:
    """Collect the curves from the log."""
    facts, log = records.checkpoint, records.log
    names = sorted({name for _, metrics in log.evaluations for name in metrics})
    points = {name: [(step, metrics[name]) for step, metrics in log.evaluations if name in metrics] for name in names}
    ends = list(range(facts.steps_per_epoch, facts.steps, max(facts.steps_per_epoch, 1)))
    return Curves(
        loss=_logged(log.training, "loss"),
        learning_rate=_logged(log.training, "learning_rate"),
        gradient_norm=_logged(log.training, "gradient_norm"),
        speed=_logged(log.training, "examples_per_second"),
        validation={name: _curve(values) for name, values in points.items()},
        kept=(facts.kept_step, records.evaluation.loss),
        steps=facts.steps,
        epoch_ends=ends if len(ends) <= MOST_EPOCHS else [],
    )


def _logged(lines: Sequence[Mapping[str, Any]], name: str) -> Curve:
    return _curve([(line["step"], line[name]) for line in lines if name in line])


def _curve(points: Sequence[Tuple[float, float]]) -> Curve:
    return Curve(tuple(step for step, _ in points), tuple(value for _, value in points))
