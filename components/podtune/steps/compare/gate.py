"""The gate: whether a model may be released, and why."""

from dataclasses import dataclass, field
from typing import Dict, List, Literal, Optional, Union

import numpy as np

from podtune.steps.compare.differences import can_be_paired
from podtune.steps.compare.evaluated import Champion, Evaluated, Unreadable
from podtune.steps.compare.settings import GateSettings
from podtune.tasks.bootstrap import interval_of_mean
from podtune.tasks.task import metric_named

Decision = Literal["accept", "accept-first", "refuse"]


@dataclass(frozen=True)
class Judgement:
    """The gate's decision."""

    decision: Decision
    reasons: List[str]
    """The decisive one first."""

    difference: Dict[str, float] = field(default_factory=dict)
    """New minus champion in the unit of the gate's metric: value, low, high; empty if they were not paired."""


def judge(new: Evaluated, champion: Optional[Union[Champion, Unreadable]], settings: GateSettings) -> Judgement:
    """Decide by the floors, then by the live release; a model must pass both."""
    missed = [
        f"{metric} is {new.metrics[metric]:.2f}, below its floor of {floor:.2f}"
        for metric, floor in settings.floors.items()
        if new.metrics[metric] < floor
    ]
    against = _against(new, champion, settings)
    if missed:
        return Judgement("refuse", [*missed, *against.reasons], against.difference)
    text = "{} is {:.2f}, at or above its floor of {:.2f}"
    met = [text.format(metric, new.metrics[metric], floor) for metric, floor in settings.floors.items()]
    return Judgement(against.decision, [*against.reasons, *met], against.difference)


def _against(new: Evaluated, champion: Optional[Union[Champion, Unreadable]], settings: GateSettings) -> Judgement:
    """Decide by the live release alone, whatever its state."""
    if champion is None:
        return Judgement("accept-first", ["there is no live release to compare with"])
    if isinstance(champion, Unreadable):
        unreadable = f"the scores of live version {champion.version} cannot be read ({champion.why})"
        return Judgement("refuse", [f"{unreadable}; roll back to a readable version, or release under another name"])
    if champion.evaluated.checkpoint == new.checkpoint:
        return Judgement("accept", [f"live version {champion.version} is the same model"])
    obstacle = _obstacle(new, champion.evaluated, settings.metric)
    if obstacle:
        return _unpaired(f"live version {champion.version} {obstacle}", settings)
    return _paired(new, champion, settings)


def _obstacle(new: Evaluated, champion: Evaluated, metric: str) -> str:
    """Explain why the two cannot be paired; empty if they can."""
    if metric not in champion.metrics or not champion.scores:
        return f"was not scored by {metric}, but by {', '.join(champion.metrics)}"
    if not can_be_paired(new, champion):
        return "was evaluated on different examples"
    return ""


def _unpaired(obstacle: str, settings: GateSettings) -> Judgement:
    unpaired = f"{obstacle}, so the models cannot be compared"
    if settings.other_data == "accept":
        return Judgement("accept", [f"{unpaired}; gate.other_data leaves it to the floors"])
    remedy = "evaluate this model on the same examples, or set gate.other_data to accept to leave it to the floors"
    return Judgement("refuse", [f"{unpaired}; {remedy}"])


def _paired(new: Evaluated, champion: Champion, settings: GateSettings) -> Judgement:
    """Accept if, at the lower end of the paired 95% interval, the new model is within the tolerance."""
    old = champion.evaluated.scores
    differences = np.array([score - old[example] for example, score in new.scores.items()])
    low, high = interval_of_mean(differences, settings.bootstrap_samples, settings.seed)
    value = float(differences.mean())
    points = " points" if metric_named(settings.metric).in_percent else ""
    compared = (
        f"{settings.metric} differs by {value:+.2f}{points} from live version {champion.version} on the same "
        f"{len(differences):,} examples (95% interval {low:+.2f} to {high:+.2f})"
    )
    difference = {"value": value, "low": low, "high": high}
    if low >= -settings.tolerance:
        return Judgement("accept", [f"{compared}: not worse by more than {settings.tolerance:.2f}"], difference)
    return Judgement("refuse", [f"{compared}: it may be worse by more than {settings.tolerance:.2f}"], difference)
