"""Which versions of a release stay when a store is pruned, and why."""

import contextlib
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import islice
from typing import Dict, List, Mapping, Optional, Sequence, Set, Tuple

from podtune.errors import BadInput
from podtune.formats.release import ModelFacts, ReleaseManifest
from podtune.sections import read_section
from podtune.stores.approvals import approval_of, waiting_versions
from podtune.stores.live import Live, live_version, moves
from podtune.stores.outcomes import noted_names, old_notes
from podtune.stores.pruned import pruned_versions
from podtune.stores.pruning import delete_unnamed, pinned_versions, prune_versions, unnamed_contents
from podtune.stores.refusals import refused_names, stale_refusals
from podtune.stores.releases import names, read_release, versions
from podtune.stores.store import Store
from podtune.tasks.task import metric_named


@dataclass(frozen=True)
class Policy:
    """What stays beside the live version, pinned ones and the best."""

    predecessors: int
    """Versions that were live most recently before."""

    before: float
    """What was written later stays; in seconds since 1970."""

    asked: float = 0.0
    """A version that waits for approval stays if it was made later."""


@dataclass(frozen=True)
class Decided:
    """What becomes of one version."""

    name: str
    version: str
    bytes: int
    """Of its files, which other versions may share; 0 where it cannot be read."""

    kept: str
    """Why it stays; empty where it goes."""


@dataclass(frozen=True)
class Pruned:
    """What goes, or went, from a store."""

    versions: List[Decided]
    contents: int
    bytes: int
    """Of the contents."""

    records: List[str] = field(default_factory=list)
    """Of refusals and of runs that ended, by their keys."""


def kept_versions(store: Store, name: str, policy: Policy) -> Dict[str, str]:
    """The versions of a release that stay, each with the first of its reasons."""
    return {one.version: one.kept for one in _decided(store, name, policy) if one.kept}


def pruned_by(store: Store, chosen: Sequence[str], policy: Policy) -> Pruned:
    """What a pruning of some releases would do, and how many bytes of contents would go."""
    decided = [one for name in chosen for one in _decided(store, name, policy)]
    going: Dict[str, Set[str]] = {name: {one.version for one in decided if one.name == name} for name in chosen}
    for one in decided:
        if one.kept:
            going[one.name].discard(one.version)
    found = list(unnamed_contents(store, policy.before, going, {}))
    records = [key for name in chosen for key in _old_records(store, name, policy.before)]
    return Pruned(decided, len(found), sum(one.size for one in found), records)


def prune(store: Store, chosen: Sequence[str], policy: Policy) -> Pruned:
    """Prune some releases, and delete every content that no version of any release names then."""
    decided = []
    for name in chosen:
        before = _decided(store, name, policy)
        gone = prune_versions(store, name, lambda name=name: kept_versions(store, name, policy))  # type: ignore[misc]  # bound now
        decided += [replace(one, kept="" if one.version in gone else one.kept or "kept meanwhile") for one in before]
    records = [key for name in chosen for key in _old_records(store, name, policy.before)]
    for key in records:
        store.delete(key)
    deleted = delete_unnamed(store, policy.before)
    return Pruned(decided, len(deleted), sum(one.size for one in deleted), records)


def prunable_names(store: Store) -> List[str]:
    """Every name of which a release, a refusal or the end of a run is on record, sorted."""
    return sorted({*names(store), *refused_names(store), *noted_names(store)})


def _old_records(store: Store, name: str, before: float) -> List[str]:
    """Keys of records that nobody needs any more; whoever would still read one takes it for absent."""
    return [*stale_refusals(store, name, before), *old_notes(store, name, before)]


def _decided(store: Store, name: str, policy: Policy) -> List[Decided]:
    """Every version that is not pruned yet, oldest first."""
    gone, live = pruned_versions(store, name), live_version(store, name)
    read = {version: _read(store, name, version) for version in versions(store, name) if version not in gone}
    kept = _reasons(store, name, live, read, policy) if live else dict.fromkeys(read, "nothing is live yet")
    return [Decided(name, version, _size(manifest), kept.get(version, "")) for version, manifest in read.items()]


def _reasons(
    store: Store, name: str, live: Live, read: Mapping[str, Optional[ReleaseManifest]], policy: Policy
) -> Dict[str, str]:
    """Why versions stay, of those that were read or could not be; the first reason of each."""
    been_live = [one for one in dict.fromkeys(move.version for move in moves(store, name)) if one in read]
    before_it = list(islice((one for one in been_live if one != live.version), policy.predecessors))
    reasons = [(live.version, "live"), *((one, "pinned") for one in sorted(pinned_versions(store, name)))]
    waiting = [read[one] for one in waiting_versions(store, name) if one in read]
    reasons += [(one.version, "waits for approval") for one in waiting if one and _is_younger(one, policy.asked)]
    reasons += [(one, "live before") for one in before_it]
    reasons += [
        (anchor, f"anchor of {one}")
        for one in (live.version, *before_it)
        for anchor in _anchors(store, name, read[one])
    ]
    reasons += _best([manifest for version, manifest in read.items() if manifest and version in been_live])
    reasons += [(version, "young") for version, one in read.items() if one and _is_younger(one, policy.before)]
    reasons += [(version, "cannot be read") for version, one in read.items() if one is None]
    return dict(reversed(reasons))


def _anchors(store: Store, name: str, manifest: Optional[ReleaseManifest]) -> List[str]:
    """The versions that a release was held against as the best so far: the next one's anchor, where it is none itself.

    What cannot be read names none.
    """
    with contextlib.suppress(BadInput):
        if manifest:
            approval = approval_of(store, name, manifest.version)
            facts = read_section(ModelFacts, manifest.facts, "")
            return [one for one in (approval.anchors if approval else facts.anchors).values() if one]
    return []


def _best(manifests: List[ReleaseManifest]) -> List[Tuple[str, str]]:
    """The best versions by each metric, of those that were scored on the same examples.

    Of releases of earlier versions, which do not say on which, those on as many.
    """
    best: Dict[Tuple[str, str, int, str], Tuple[float, str]] = {}
    for manifest in manifests:
        with contextlib.suppress(BadInput):
            facts = read_section(ModelFacts, manifest.facts, "")
            for metric, found in facts.metrics.items():
                score = found.value if metric_named(metric).higher_is_better else -found.value
                group = (facts.task, facts.data, facts.examples, metric)
                best[group] = max(best.get(group, (score, manifest.version)), (score, manifest.version), key=_score)
    return [(version, f"best {metric} on {count:,}") for (*_, count, metric), (_, version) in best.items()]


def _score(found: Tuple[float, str]) -> float:
    return found[0]


def _read(store: Store, name: str, version: str) -> Optional[ReleaseManifest]:
    try:
        return read_release(store, name, version)
    except BadInput:
        return None


def _size(manifest: Optional[ReleaseManifest]) -> int:
    return sum({entry.sha256: entry.size for entry in manifest.files.values()}.values()) if manifest else 0


def _is_younger(manifest: ReleaseManifest, than: float) -> bool:
    """Whether a version was made after a time; one that does not say when was not."""
    with contextlib.suppress(ValueError):
        return datetime.fromisoformat(manifest.created).timestamp() > than
    return False
