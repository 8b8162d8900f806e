"""Two models on the same examples: how they differ, and what these examples can show of it."""

from dataclasses import dataclass, replace
from math import ceil, erf, sqrt
from typing import Dict

from podtune.formats.verdict import Finding
from podtune.steps.compare.evaluated import Evaluated
from podtune.steps.compare.settings import GateSettings
from podtune.tasks.intervals import interval_of_difference
from podtune.tasks.task import metric_named

_SURE = 1.96
"""Standard errors to the end of a 95 % interval."""

_SHOWN = _SURE + 0.8416
"""Standard errors of a loss that such an interval tells from none in 80 of 100 cases."""


@dataclass(frozen=True)
class Paired:
    """One model minus another by a metric, in its unit."""

    value: float
    low: float
    """Lower end of the paired 95 % interval."""

    high: float
    tolerance: float
    """What the one may be worse by."""

    examples: int
    grouped_by: str = ""
    """What examples share of which the interval takes account; empty where each counts for itself."""

    @property
    def finding(self) -> Finding:
        """What these examples show; too few are those that can tell the one neither from as good nor from too bad."""
        if self.low > 0:
            return "better"
        if self.low >= -self.tolerance:
            return "not worse"
        return "worse" if self.high < 0 else "too few examples to tell"

    @property
    def smallest(self) -> float:
        """The smallest loss that so many examples tell from none in 80 of 100 cases."""
        return _SHOWN / _SURE * (self.high - self.low) / 2

    @property
    def numbers(self) -> Dict[str, float]:
        """As a verdict has them."""
        return {"value": self.value, "low": self.low, "high": self.high}


def paired(new: Evaluated, other: Evaluated, settings: GateSettings) -> Paired:
    """Pair two evaluations of the same examples by the gate's metric."""
    differences = new.scores_of(new.scores) - other.scores_of(new.scores)
    low, high = interval_of_difference(differences, new.groups.numbers, highest=metric_named(settings.metric).end)
    tolerance = settings.allowed_loss(other.metrics[settings.metric])
    return Paired(float(differences.mean()), low, high, tolerance, len(differences), new.groups.name)


def smallest_shown(spread: float, examples: int) -> float:
    """Paired.smallest, from the standard deviation of the difference on one example."""
    return _SHOWN * spread / sqrt(examples)


def spread_of(smallest: float, examples: int) -> float:
    """The standard deviation behind such a smallest difference on so many examples."""
    return smallest * sqrt(examples) / _SHOWN


def examples_for(tolerance: float, smallest: float, examples: int) -> int:
    """With how many examples a loss of the tolerance is the smallest that shows, if that of `examples` is known."""
    return ceil(examples * (smallest / tolerance) ** 2)


def wide_enough(settings: GateSettings, smallest: float, tolerance: float) -> str:
    """The tolerance with which such a loss is allowed, as `--set` takes it; empty where it would accept anything."""
    rounded = ceil(smallest * 1000) / 1000
    wide, text = replace(settings, tolerance=rounded, relative_tolerance=None), f"gate.tolerance={rounded:g}"
    if settings.relative_tolerance and tolerance:
        share = ceil(smallest / tolerance * settings.relative_tolerance * 1000) / 1000
        wide, text = replace(settings, relative_tolerance=share), f"gate.relative_tolerance={share:g}"
    return "" if any(wide.mistakes()) else text


def chance_of_an_equal_model(tolerance: float, smallest: float) -> float:
    """How likely a model that is as good is found not worse by more than the tolerance."""
    if smallest == 0:
        return 1.0
    return (1 + erf((_SHOWN * tolerance / smallest - _SURE) / sqrt(2))) / 2
