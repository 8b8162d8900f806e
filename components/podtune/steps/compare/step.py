"""Judge a model against floors, the live release and the anchor: Evaluation to Verdict."""

import logging
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, List, Mapping, Optional, Union

from podtune.errors import BadInput
from podtune.formats.verdict import VERDICT, PastVersion, VerdictFacts
from podtune.sections import read_section, to_mapping
from podtune.steps.compare.anchor import find_anchor
from podtune.steps.compare.differences import Differences, differences_of
from podtune.steps.compare.evaluated import Champion, Evaluated, Unreadable, find_champion, open_evaluated
from podtune.steps.compare.gate import judge
from podtune.steps.compare.history import history_of
from podtune.steps.compare.settings import GateSettings
from podtune.stores.opening import open_store
from podtune.stores.retrying import patiently
from podtune.stores.store import Store
from podtune.tasks.task import metric_named

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Found:
    """What the store holds that a model is compared with."""

    champion: Optional[Union[Champion, Unreadable]]
    """The live release."""

    anchor: Optional[Union[Champion, Unreadable]]
    history: List[PastVersion]


def run(scores: Path, verdict: Path, *, gate: Mapping[str, Any], release: Mapping[str, Any], store: str) -> None:
    """Write the Verdict; a refusal is one of its decisions, not an error."""
    settings = read_section(GateSettings, gate, "gate")
    new = open_evaluated(scores, settings.metric)
    _require_metrics(scores, new, settings)
    name = str(release.get("name", ""))
    found = patiently(lambda: _look_up(open_store(store), name, new, settings))
    champion, anchor = found.champion, found.anchor
    judgement = judge(new, champion, settings, anchor)
    differences = differences_of(new, champion.evaluated, settings) if isinstance(champion, Champion) else Differences()
    facts = VerdictFacts(
        decision=judgement.decision,
        reasons=judgement.reasons,
        evaluation=new.digest,
        champion=champion.version if champion else None,
        champion_profile=dict(champion.evaluated.profile) if isinstance(champion, Champion) else {},
        champion_metrics=dict(champion.evaluated.metrics) if isinstance(champion, Champion) else {},
        difference=judgement.difference,
        settings=to_mapping(settings),
        differences=differences.metrics,
        slices=differences.slices,
        better=differences.better,
        worse=differences.worse,
        history=found.history,
        anchor=anchor.version if anchor else None,
        anchor_difference=judgement.anchor_difference,
        finding=judgement.finding,
        smallest=judgement.smallest,
        examples=judgement.examples,
        grouped_by=new.groups.name,
        anchors={settings.metric: anchor.version if anchor else ""} if settings.anchor is None else {},
    )
    with VERDICT.sealing(verdict) as draft:
        draft.facts.update(asdict(facts))
    _log.info("%s: %s", judgement.decision, "; ".join(judgement.reasons))


def _look_up(store: Store, name: str, new: Evaluated, settings: GateSettings) -> _Found:
    champion = find_champion(store, name, settings.metric)
    anchor = find_anchor(store, name, live=champion, new=new, settings=settings)
    return _Found(champion, anchor, history_of(store, name))


def _require_metrics(evaluation: Path, new: Evaluated, settings: GateSettings) -> None:
    keys = {"gate.metric": settings.metric, **{f"gate.floors.{metric}": metric for metric in settings.floors}}
    for key, metric in keys.items():
        if metric not in new.metrics:
            known = ", ".join(new.metrics)
            remedy = metric_named(metric).remedy
            lacking = f"{metric!r}, {remedy}" if remedy else repr(metric)
            raise BadInput(f"{key} must be a metric of the evaluation in {evaluation}: {known}; got {lacking}")
    if not new.scores:
        known = ", ".join(new.example_metrics)
        raise BadInput(
            f"gate.metric must be one that each example of {evaluation} is scored by, so that two models can be "
            f"paired: {known}; {settings.metric} is one number over all of them, for which gate.floors can set a floor"
        )
