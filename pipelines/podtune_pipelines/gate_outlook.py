"""What a gate will be able to tell with the examples that there are, before a model is trained."""

from dataclasses import dataclass
from typing import Literal, Optional

from podtune.formats.verdict import VerdictFacts
from podtune.steps.compare.paired import chance_of_an_equal_model, examples_for, smallest_shown, spread_of, wide_enough
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

    wide_enough: str
    """A tolerance with which these examples would do, as `--set` takes it; empty where it would accept anything."""

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
    gate, record = recipe.gate, metric_named(recipe.gate.metric)
    verdict = _newest_comparison(recipe, home)
    spread = spread_of(verdict.smallest or 0.0, verdict.examples) if verdict else record.spread
    expected = gate.floors.get(gate.metric) or record.usual
    tolerance = gate.allowed_loss(verdict.champion_metrics.get(gate.metric, expected) if verdict else expected)
    smallest = smallest_shown(spread, examples)
    return GateOutlook(
        metric=gate.metric,
        examples=examples,
        tolerance=tolerance,
        smallest=smallest,
        known_from="the newest run" if verdict else "an assumption",
        equal_model_passes=chance_of_an_equal_model(tolerance, smallest),
        examples_needed=examples_for(tolerance, smallest, examples) if tolerance else None,
        wide_enough=wide_enough(gate, smallest, tolerance),
        too_few=gate.too_few,
    )


def _newest_comparison(recipe: Recipe, home: Home) -> Optional[VerdictFacts]:
    """The verdict of the newest run that compared two models by the gate's metric, and found them to differ."""
    verdict = newest_verdict(home, recipe.slug)
    if verdict is None or not verdict.smallest or verdict.settings.get("metric") != recipe.gate.metric:
        return None
    return verdict
