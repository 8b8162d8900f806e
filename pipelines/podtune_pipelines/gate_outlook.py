"""What a gate will be able to tell with the examples that there are, before a model is trained."""

from dataclasses import dataclass
from typing import Literal, Optional

from podtune.steps.compare.paired import chance_of_an_equal_model, examples_for, smallest_shown, spread_of
from podtune.tasks.task import metric_named

from podtune_pipelines.home import Home, newest_verdict
from podtune_pipelines.recipe import Recipe


@dataclass(frozen=True)
class GateOutlook:
    """What to expect of a comparison with a release; losses in the unit of the gate's metric."""

    metric: str
    examples: int
    tolerance: float
    smallest: float
    """The smallest loss that so many examples tell from none in 80 of 100 cases."""

    known_from: Literal["the newest run", "an assumption"]
    """Whether two models of this recipe were compared here before, or how far two differ is assumed."""

    equal_model_passes: float
    """The chance of a model that is as good as the release, from 0 to 1."""

    examples_needed: Optional[int]
    """With which a loss of the tolerance is the smallest that shows; None where no number would do."""

    too_few: Literal["refuse", "accept"]
    """What the gate does where it cannot tell."""

    @property
    def is_too_small(self) -> bool:
        """Whether the examples are too few for the tolerance."""
        return self.smallest > self.tolerance


def gate_outlook(recipe: Recipe, examples: Optional[int], home: Home) -> Optional[GateOutlook]:
    """Work out what the gate will be able to tell; None where the number of examples is not known."""
    if not examples:
        return None
    gate = recipe.gate
    spread = _measured_spread(recipe, home)
    smallest = smallest_shown(metric_named(gate.metric).spread if spread is None else spread, examples)
    return GateOutlook(
        metric=gate.metric,
        examples=examples,
        tolerance=gate.tolerance,
        smallest=smallest,
        known_from="an assumption" if spread is None else "the newest run",
        equal_model_passes=chance_of_an_equal_model(gate.tolerance, smallest),
        examples_needed=examples_for(gate.tolerance, smallest, examples) if gate.tolerance else None,
        too_few=gate.too_few,
    )


def _measured_spread(recipe: Recipe, home: Home) -> Optional[float]:
    """How far two models differed on one example of the newest run that compared some."""
    verdict = newest_verdict(home, recipe.name)
    if verdict is None or not verdict.smallest or verdict.settings.get("metric") != recipe.gate.metric:
        return None
    return spread_of(verdict.smallest, verdict.examples)
