"""The gate: whether a model may be released, and why."""

from dataclasses import dataclass, field, replace
from typing import Dict, List, Literal, Optional, Tuple, Union

from podtune.formats.verdict import Finding
from podtune.steps.compare.differences import can_be_paired
from podtune.steps.compare.evaluated import Champion, Evaluated, Unreadable
from podtune.steps.compare.paired import Paired, examples_for, paired, wide_enough
from podtune.steps.compare.settings import GateSettings
from podtune.steps.compare.slices import missed_floors, worse_slices
from podtune.tasks.intervals import interval_title
from podtune.tasks.task import metric_named

Decision = Literal["accept", "accept-first", "refuse"]

_FINDINGS: Tuple[Finding, ...] = ("better", "not worse", "too few examples to tell", "worse")
"""From the most to the least favourable."""


@dataclass(frozen=True)
class Judgement:
    """The gate's decision."""

    decision: Decision
    reasons: List[str]
    """The decisive one first."""

    difference: Dict[str, float] = field(default_factory=dict)
    """New minus champion in the unit of the gate's metric: value, low, high; empty if they were not paired."""

    anchor_difference: Dict[str, float] = field(default_factory=dict)
    """The same of the anchor, unless the champion is it."""

    finding: Optional[Finding] = None
    """The less favourable one, where both were paired."""

    smallest: Optional[float] = None
    """The smallest loss that the examples can show, in the unit of the gate's metric."""

    examples: int = 0
    """How many were paired."""


def judge(
    new: Evaluated,
    champion: Optional[Union[Champion, Unreadable]],
    settings: GateSettings,
    anchor: Optional[Union[Champion, Unreadable]] = None,
) -> Judgement:
    """Decide by the floors, the live release and the anchor; a model must pass all of them."""
    missed = [
        f"{metric} is {new.metrics[metric]:.2f}, below its floor of {floor:.2f}"
        for metric, floor in settings.floors.items()
        if new.metrics[metric] < floor
    ] + missed_floors(new, settings)
    against = _against_both(new, champion, anchor, settings)
    if missed:
        return replace(against, decision="refuse", reasons=[*missed, *against.reasons])
    text = "{} is {:.2f}, at or above its floor of {:.2f}"
    met = [text.format(metric, new.metrics[metric], floor) for metric, floor in settings.floors.items()]
    return replace(against, reasons=[*against.reasons, *met])


def _against_both(
    new: Evaluated,
    champion: Optional[Union[Champion, Unreadable]],
    anchor: Optional[Union[Champion, Unreadable]],
    settings: GateSettings,
) -> Judgement:
    """Decide by the live release, then by the anchor where that is another one."""
    live = _against_live(new, champion, settings)
    is_live = anchor is not None and champion is not None and anchor.version == champion.version
    if anchor is None or is_live or _is_same_model(new, champion):
        return live
    held = _against(new, anchor, _title(anchor, settings), settings)
    refused = held.decision == "refuse" and live.decision != "refuse"
    reasons = [*held.reasons, *live.reasons] if refused else [*live.reasons, *held.reasons]
    decision = held.decision if refused else live.decision
    findings = [one.finding for one in (live, held) if one.finding is not None]
    smallest = [one.smallest for one in (live, held) if one.smallest is not None]
    return Judgement(
        decision,
        reasons,
        live.difference,
        anchor_difference=held.difference,
        finding=max(findings, key=_FINDINGS.index, default=None),
        smallest=max(smallest, default=None),
        examples=max(live.examples, held.examples),
    )


def _title(anchor: Union[Champion, Unreadable], settings: GateSettings) -> str:
    who = "the best so far" if settings.anchor is None else "the anchor of the recipe"
    return f"version {anchor.version} ({who})"


def _is_same_model(new: Evaluated, release: Optional[Union[Champion, Unreadable]]) -> bool:
    return isinstance(release, Champion) and release.evaluated.checkpoint == new.checkpoint


def _against_live(new: Evaluated, champion: Optional[Union[Champion, Unreadable]], settings: GateSettings) -> Judgement:
    """Decide by the live release alone, whatever its state."""
    if champion is None:
        return Judgement("accept-first", ["there is no live release to compare with"])
    if _is_same_model(new, champion):
        return Judgement("accept", [f"live version {champion.version} is the same model"])
    return _against(new, champion, f"live version {champion.version}", settings)


def _against(new: Evaluated, release: Union[Champion, Unreadable], title: str, settings: GateSettings) -> Judgement:
    """Decide by one release, which the reasons call `title`."""
    if isinstance(release, Unreadable):
        unreadable = f"the scores of {title} cannot be read ({release.why})"
        remedy = "roll back to a readable version" if title.startswith("live") else "name a readable one as gate.anchor"
        return Judgement("refuse", [f"{unreadable}; {remedy}, or release under another name"])
    obstacle = _obstacle(new, release.evaluated, settings.metric)
    if obstacle:
        return _unpaired(f"{title} {obstacle}", settings)
    return _judge_paired(new, release.evaluated, title, settings)


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


def _judge_paired(new: Evaluated, other: Evaluated, title: str, settings: GateSettings) -> Judgement:
    """Accept what is better or not worse by more than the tolerance; `gate.too_few` decides where nobody can tell."""
    found, unit = paired(new, other, settings), _Unit(settings.metric)
    compared = (
        f"{settings.metric} differs by {unit.signed(found.value)}{unit.name} from {title} on the same "
        f"{found.examples:,} examples ({interval_title(found.grouped_by)} {unit.signed(found.low)} to "
        f"{unit.signed(found.high)})"
    )
    worse = worse_slices(new, other, title, settings)
    refused = found.finding == "worse" or (found.finding == "too few examples to tell" and settings.too_few == "refuse")
    overall = f"{compared}: {_in_words(found, unit, settings)}"
    return Judgement(
        "refuse" if refused or worse else "accept",
        [overall, *worse] if refused else [*worse, overall],
        found.numbers,
        finding="worse" if worse else found.finding,
        smallest=found.smallest,
        examples=found.examples,
    )


@dataclass(frozen=True)
class _Unit:
    """How numbers of a metric are written: more digits of CIDEr-D, of which good models reach 1."""

    metric: str

    @property
    def name(self) -> str:
        return " points" if metric_named(self.metric).in_percent else ""

    @property
    def digits(self) -> int:
        return 2 if metric_named(self.metric).in_percent else 3

    def plain(self, value: float) -> str:
        return f"{value:.{self.digits}f}"

    def signed(self, value: float) -> str:
        return f"{value:+.{self.digits}f}"


def _in_words(found: Paired, unit: _Unit, settings: GateSettings) -> str:
    tolerance = unit.plain(found.tolerance)
    if found.finding == "not worse":
        return f"not worse by more than {tolerance}"
    if found.finding == "worse":
        return f"worse{'' if found.high < -found.tolerance else ', and it may be'} by more than {tolerance}"
    return found.finding if found.finding == "better" else f"too few examples to tell{_how_many(found, unit, settings)}"


def _how_many(found: Paired, unit: _Unit, settings: GateSettings) -> str:
    """How many examples would be enough, and what to do about too few."""
    smallest, tolerance = unit.plain(found.smallest), unit.plain(found.tolerance)
    shown = f", as so many show no loss below {smallest} and the tolerance is {tolerance}"
    if settings.too_few == "accept":
        return f"{shown}; gate.too_few accepts it"
    needed = examples_for(found.tolerance, found.smallest, found.examples) if found.tolerance else 0
    wide = wide_enough(settings, found.smallest, found.tolerance)
    ways = [f"evaluate on at least {needed:,}"] if needed else []
    ways += [f"set {wide}"] if wide else []
    return f"{shown}; {' or '.join([*ways, 'set gate.too_few=accept'])}"
