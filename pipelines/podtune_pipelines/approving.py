"""A person makes a candidate live: the gate judges it again, against what is live at that moment."""

import secrets
from dataclasses import dataclass
from typing import Dict, List, Optional

from podtune.errors import BadInput, GateRefused, TryAgainLater
from podtune.formats.model_card import RECIPE
from podtune.formats.release import ReleaseManifest
from podtune.sections import read_section, read_settings_file
from podtune.steps.compare.anchor import find_anchor
from podtune.steps.compare.evaluated import Unreadable, fetch_evaluated
from podtune.steps.compare.gate import judge
from podtune.steps.compare.settings import GateSettings
from podtune.stores.approvals import Approval, approval_of, candidates, waiting_versions, write_approval
from podtune.stores.fetching import fetched
from podtune.stores.live import Live, live_version, move, now, read_move
from podtune.stores.pruned import refuse_pruned
from podtune.stores.releases import read_release, require_whole
from podtune.stores.store import Store

_ATTEMPTS = 100
"""Moves by others, during one approval, that leave live what is live."""


@dataclass(frozen=True)
class Approver:
    """Who approves, and why."""

    by: str
    reason: str


@dataclass(frozen=True)
class _Judged:
    """A candidate that the gate accepts at this moment."""

    champion: Optional[str]
    """Of the version that is live."""

    reasons: List[str]
    anchors: Dict[str, str]


def approve(store: Store, name: str, version: str, approver: Approver) -> Optional[Approval]:
    """Make a candidate live; None where it is live already.

    BadInput where it is none, or is pruned or damaged; GateRefused where the gate refuses it by now; TryAgainLater
    where another version became live while it was judged.
    """
    manifest, live = read_release(store, name, version), live_version(store, name)
    if live is not None and live.version == version:
        return None
    _require_waiting(store, name, version)
    require_whole(store, manifest)
    judged = _judge(store, manifest, live)
    after = live.move if live else 0
    for _ in range(_ATTEMPTS):
        refuse_pruned(store, name, version)
        approval = _approval(version, after + 1, approver, judged)
        if _make_live(store, name, approval):
            return approval
        found = live_version(store, name)
        if found is not None and found.version == version:
            return None
        if found is None or found.version != judged.champion:
            raise TryAgainLater(_in_between(store, name, version, live=live, since=after))
        after = found.move
    raise TryAgainLater(f"what is live of {name} in {store.uri} was moved {_ATTEMPTS} times meanwhile; approve again")


def _require_waiting(store: Store, name: str, version: str) -> None:
    """BadInput, saying what can be done, where a version does not wait for approval."""
    refuse_pruned(store, name, version)
    if version not in candidates(store, name):
        waiting = ", ".join(waiting_versions(store, name)) or "none does"
        raise BadInput(f"{name} {version} in {store.uri} does not wait for approval; of its versions wait: {waiting}")
    approval = approval_of(store, name, version)
    if approval is not None:
        again = f"podtune rollback {name} --to {version} makes it live again"
        raise BadInput(f"{name} {version} in {store.uri} was approved by {approval.by} {approval.approved}; {again}")


def _judge(store: Store, manifest: ReleaseManifest, live: Optional[Live]) -> _Judged:
    """Judge a candidate by its own recipe's gate; GateRefused where that refuses."""
    name, version, gate = manifest.name, manifest.version, _gate_of(store, manifest)
    new = fetch_evaluated(store, name, version, gate.metric)
    if isinstance(new, Unreadable):
        raise BadInput(f"the scores of {name} {version} in {store.uri} cannot be read ({new.why}); publish it again")
    champion = fetch_evaluated(store, name, live.version, gate.metric) if live else None
    anchor = find_anchor(store, name, live=champion, new=new.evaluated, settings=gate)
    judgement = judge(new.evaluated, champion, gate, anchor)
    if judgement.decision == "refuse":
        raise GateRefused(f"{name} {version} is not made live: {judgement.reasons[0]}")
    held = anchor.version if anchor else ""
    return _Judged(
        live.version if live else None, judgement.reasons, {gate.metric: held} if gate.anchor is None else {}
    )


def _gate_of(store: Store, manifest: ReleaseManifest) -> GateSettings:
    """The gate's settings in the recipe that a release brings along."""
    try:
        with fetched(store, manifest, RECIPE) as release:
            return read_section(GateSettings, read_settings_file(release / RECIPE).get("gate", {}), "gate")
    except BadInput as error:
        why = " ".join(str(error).split())
        raise BadInput(
            f"the gate of {manifest.name} {manifest.version} cannot be read ({why}); publish it again"
        ) from error


def _approval(version: str, number: int, approver: Approver, judged: _Judged) -> Approval:
    """The record of an approval by the move of this number."""
    return Approval(
        version,
        number,
        now(),
        approver.by,
        approver.reason,
        champion=judged.champion,
        verdict=judged.reasons,
        anchors=judged.anchors,
    )


def _make_live(store: Store, name: str, approval: Approval) -> bool:
    """Record an approval and make its move; whether it was the first to make it."""
    nonce = secrets.token_hex(16)
    write_approval(store, name, approval, nonce)
    return move(store, name, version=approval.version, after=approval.move - 1, nonce=nonce).nonce == nonce


def _in_between(store: Store, name: str, version: str, *, live: Optional[Live], since: int) -> str:
    """Which versions became live after the one that a candidate was judged against."""
    number, before, became = since + 1, live.version if live else "", []
    while (made := read_move(store, name, number)) is not None:
        if made.version != before:
            became.append(f"{made.version} at {made.moved}")
        number, before = number + 1, made.version
    against = f"against version {live.version}" if live else "while none was live"
    meanwhile = f"in between became live: version {', then '.join(became)}"
    then = "nothing was changed, and the same command judges it against what is live now"
    return f"{name} {version} was judged {against}, and {meanwhile}; {then}"
