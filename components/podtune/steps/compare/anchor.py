"""The anchor: the release that no later one may fall behind, however many nights the loss is spread over.

It is the best by the gate's metric of the live release and those that it follows on (each release's parent is what was
live when it was made, or when a person approved it), among those that were scored on the same examples. So what a
person rolled back from is none, and what is rolled back to brings its own. Each release records which one it was held
against, so that the next night reads one or two manifests and not all.
"""

import logging
from dataclasses import dataclass, replace
from typing import Iterator, List, Optional, Tuple, Union

from podtune.errors import BadInput
from podtune.formats.release import ModelFacts, ReleaseManifest
from podtune.sections import read_section
from podtune.steps.compare.differences import can_be_paired
from podtune.steps.compare.evaluated import Champion, Evaluated, Unreadable, data_of, fetch_evaluated
from podtune.steps.compare.settings import GateSettings
from podtune.stores.approvals import approval_of
from podtune.stores.releases import read_release, versions
from podtune.stores.store import Store

MOST = 400
"""Releases that are looked through where none of them has recorded its anchor: a manifest each."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Candidate:
    """A release that may be the anchor."""

    version: str
    value: float
    """By the gate's metric."""

    is_on_same_data: bool
    """Whether its manifest says so; those of earlier versions of podtune say nothing."""


def find_anchor(
    store: Store, name: str, *, live: Optional[Union[Champion, Unreadable]], new: Evaluated, settings: GateSettings
) -> Optional[Union[Champion, Unreadable]]:
    """Return the release that `gate.anchor` names, else the best so far on the new model's examples; None if none is.

    Unreadable where the best so far is known and its scores cannot be read. BadInput where the named one is not there.
    """
    if settings.anchor is not None:
        return _named(store, name, str(settings.anchor), live, settings)
    if not isinstance(live, Champion):
        return None
    try:
        candidates = _candidates(store, name, live.version, new, settings.metric)
    except _Lost as lost:
        return Unreadable(lost.version, str(lost))
    best = live if can_be_paired(new, live.evaluated) and live.evaluated.scores else None
    lowest = best.evaluated.metrics[settings.metric] if best else float("-inf")
    for candidate in sorted(candidates, key=lambda one: (-one.value, -int(one.version))):
        if candidate.value <= lowest:
            break
        found = _scores_of(store, name, candidate, new, settings.metric)
        if found is not None:
            return found
    return best


class _Lost(BadInput):
    """The manifest of a release that is recorded as an anchor cannot be read."""

    def __init__(self, version: str, why: str) -> None:
        super().__init__(why)
        self.version = version


def _named(
    store: Store, name: str, version: str, live: Optional[Union[Champion, Unreadable]], settings: GateSettings
) -> Union[Champion, Unreadable]:
    if live is not None and live.version == version:
        return live
    known = versions(store, name)
    if version not in known:
        there = ", ".join(known) or "it has none yet; leave gate.anchor out"
        raise BadInput(f"gate.anchor must be a version of {name} in {store.uri}: {there}; got {version}")
    return fetch_evaluated(store, name, version, settings.metric)


def _candidates(store: Store, name: str, live: str, new: Evaluated, metric: str) -> List[_Candidate]:
    """The live release and those before it that may have been scored on the new model's examples.

    Ends with the first that has recorded its anchor, which is the best of all before it.
    """
    found = []
    for version, facts in _lineage(store, name, live):
        if facts.data not in ("", new.data) or metric not in facts.metrics:
            continue
        found.append(_Candidate(version, facts.metrics[metric].value, facts.data == new.data))
        recorded = facts.anchors.get(metric) if facts.data == new.data else None
        if recorded:
            found.append(_recorded(store, name, recorded, metric))
        if recorded is not None:
            break
    return found


def _recorded(store: Store, name: str, version: str, metric: str) -> _Candidate:
    try:
        metrics = _facts(read_release(store, name, version)).metrics
    except BadInput as error:
        raise _Lost(version, " ".join(str(error).split())) from error
    if metric not in metrics:
        raise _Lost(version, f"its manifest in {store.uri} lacks {metric}")
    return _Candidate(version, metrics[metric].value, is_on_same_data=True)


def _lineage(store: Store, name: str, live: str) -> Iterator[Tuple[str, ModelFacts]]:
    """The live version, what was live before it, and so on, with their anchors; ends before what cannot be read."""
    version: Optional[str] = live
    for _ in range(MOST):
        if version is None:
            return
        try:
            manifest, approval = read_release(store, name, version), approval_of(store, name, version)
            facts = _facts(manifest)
        except BadInput as error:
            _log.warning("releases before version %s are not looked through for the best so far: %s", version, error)
            return
        yield version, replace(facts, anchors=approval.anchors) if approval else facts
        version = approval.champion if approval else manifest.parent


def _facts(manifest: ReleaseManifest) -> ModelFacts:
    return read_section(ModelFacts, manifest.facts, "")


def _scores_of(
    store: Store, name: str, candidate: _Candidate, new: Evaluated, metric: str
) -> Optional[Union[Champion, Unreadable]]:
    """Fetch a candidate's scores; None where they are not of the new model's examples, or not known to be."""
    if not candidate.is_on_same_data:
        data = data_of(store, name, candidate.version)
        if data != new.data:
            return None
    found = fetch_evaluated(store, name, candidate.version, metric)
    if isinstance(found, Unreadable):
        return found
    return found if can_be_paired(new, found.evaluated) and found.evaluated.scores else None
