"""Versions that wait for a person, and what persons approved.

    releases/<name>/candidates/<version>                 written once: the version is complete, and waits
    releases/<name>/approvals/<version>/<nonce>.json     written once: an approval, if the move it names has that nonce

An approval makes its version live by the move that publishers, rollbacks and prunings take too. It is written before
that move; where another was first, or its process died, it stays and counts for nothing.
"""

import shlex
from dataclasses import asdict, dataclass, field
from typing import Dict, List, Optional, Set

from podtune.errors import BadInput
from podtune.formats.release import NUMBER
from podtune.formats.sealed import canonical_json
from podtune.parsing import parse_json
from podtune.sections import Mistakes, read_section
from podtune.stores.live import read_move, release_prefix
from podtune.stores.pruned import pruned_versions
from podtune.stores.store import Store


@dataclass(frozen=True)
class Approval:
    """Why a version that waited was made live."""

    version: str
    move: int
    """By which it became live."""

    approved: str
    """When; ISO 8601, UTC."""

    by: str
    reason: str
    champion: Optional[str]
    """The version that was live then, which the gate compared it with once more; None if there was none."""

    verdict: List[str]
    """What the gate said then, the decisive reason first."""

    anchors: Dict[str, str] = field(default_factory=dict)
    """What the gate held it against then, in place of what its manifest says (release.ModelFacts.anchors)."""


def add_candidate(store: Store, name: str, version: str) -> None:
    """Have a complete version wait for approval."""
    store.create(_candidate_key(name, version), b"")


def candidates(store: Store, name: str) -> Set[str]:
    """Versions that wait, or have waited before they were approved or pruned."""
    found = (key.rpartition("/")[2] for key in store.keys(_candidate_key(name, "")))
    return {version for version in found if NUMBER.fullmatch(version)}


def waiting_versions(store: Store, name: str) -> List[str]:
    """Versions that can be approved, the oldest first."""
    found = candidates(store, name)
    if not found:
        return []
    gone = pruned_versions(store, name)
    return sorted((one for one in found if one not in gone and approval_of(store, name, one) is None), key=int)


def approval_of(store: Store, name: str, version: str) -> Optional[Approval]:
    """By whom and why a version became live; None where nobody has approved it. BadInput where a record is damaged."""
    prefix = f"{_approvals_prefix(name)}{version}/"
    for key in store.keys(prefix):
        approval = _read(store, key)
        decided = read_move(store, name, approval.move)
        if decided is not None and f"{decided.nonce}.json" == key[len(prefix) :]:
            return approval
    return None


def write_approval(store: Store, name: str, approval: Approval, nonce: str) -> None:
    """Record an approval, which counts once its move is made with this nonce."""
    key = f"{_approvals_prefix(name)}{approval.version}/{nonce}.json"
    store.create(key, canonical_json(asdict(approval)))


def approving_command(name: str, version: str, uri: str) -> str:
    """What a person pastes to approve a version; a terminal then asks for the reason."""
    return f"podtune approve {name} {version} --store {shlex.quote(uri)}"


def _read(store: Store, key: str) -> Approval:
    try:
        return read_section(Approval, parse_json(store.read(key) or b""), "")
    except (Mistakes, ValueError, RecursionError) as error:
        raise BadInput(f"{key} in {store.uri} is damaged; restore it, or delete it") from error


def _candidate_key(name: str, version: str) -> str:
    return f"{release_prefix(name)}candidates/{version}"


def _approvals_prefix(name: str) -> str:
    return f"{release_prefix(name)}approvals/"
