"""Releases in a store: immutable versions, and which of them is live.

    blobs/sha256/<hex>                              content, named by its hash
    releases/<name>/versions/<number>/manifest.json written once: files, hashes, facts, parent, nonce
    releases/<name>/versions/<number>/model.sig     written once, where releases are signed
    releases/<name>/live/<number>.json              written once: which version became live
    releases/<name>/candidates/<number>             written once: the version waits for approval; `approvals.py`

A version is complete before its manifest exists, and a manifest before a move names it. So whatever
dies on the way, and even where a store lets two writers win, a reader finds a whole version or none.
What others delete meanwhile is made good before the move; `pruning.py` says in which order.
"""

import logging
import secrets
from pathlib import Path
from types import MappingProxyType
from typing import Any, Callable, Collection, Dict, Iterator, List, Mapping, Optional, Tuple

from podtune.environment import AGAIN
from podtune.errors import BadInput, LostRace, TryAgainLater
from podtune.formats.release import NUMBER, SIGNATURE, ReleaseManifest, content_digest, is_safe, parse_release
from podtune.formats.sealed import FileEntry, entry_of, verify_file
from podtune.progress import progress_bar
from podtune.stores.approvals import add_candidate, approval_of, approving_command, candidates, waiting_versions
from podtune.stores.live import RELEASES, Live, live_version, move, now, release_prefix, written
from podtune.stores.pruned import await_claims, pruned_versions, refuse_pruned
from podtune.stores.store import Advance, Store, unwatched

BLOBS = "blobs/sha256/"

_UPLOADS = 3
"""Of one content, where it arrives damaged."""

Sign = Callable[[Store, ReleaseManifest, Mapping[str, Path]], bytes]
"""A version in a store to its signature; files that are at hand, by their SHA-256, are not fetched."""

_ATTEMPTS = 100
"""Versions that other publishers may take before us while the live one stays the same."""


_log = logging.getLogger(__name__)


def versions(store: Store, name: str) -> List[str]:
    """Every version of `name`, oldest first; those that never went live are among them."""
    prefix, suffix = _versions_prefix(name), "/manifest.json"
    found = (key[len(prefix) : -len(suffix)] for key in store.keys(prefix) if key.endswith(suffix))
    return sorted((version for version in found if NUMBER.fullmatch(version)), key=int)


def names(store: Store) -> List[str]:
    """Every name under which something was published, sorted."""
    return sorted({key.split("/")[1] for key in store.keys(RELEASES)})


def read_release(store: Store, name: str, version: str) -> ReleaseManifest:
    """Read one version's manifest; BadInput where it is missing or damaged."""
    key = _manifest_key(name, version)
    found = store.read(key)
    if found is None:
        known = ", ".join(versions(store, name)) or "none"
        raise BadInput(f"{store.uri} has no version {version} of {name} ({key}); it has {known}")
    manifest = parse_release(found, f"{key} in {store.uri}")
    if (manifest.name, manifest.version) != (name, version):
        raise BadInput(f"{key} in {store.uri} is damaged: it describes {manifest.name} {manifest.version}")
    return manifest


def read_live(store: Store, name: str) -> ReleaseManifest:
    """Read the live version's manifest; BadInput, naming what there is, where there is none."""
    live = live_version(store, name)
    if live is None:
        waiting = [approving_command(name, one, store.uri) for one in waiting_versions(store, name)]
        there = f"one waits: {waiting[-1]}" if waiting else f"it holds {', '.join(names(store)) or 'nothing'}"
        raise BadInput(f"{store.uri} holds no live release named {name}; {there}")
    return read_release(store, name, live.version)


def publish(  # noqa: PLR0913  # the last have defaults that most callers keep
    store: Store,
    name: str,
    *,
    files: Mapping[str, Path],
    facts: Dict[str, Any],
    expected: Optional[str],
    verified: Mapping[str, FileEntry] = MappingProxyType({}),
    record: Collection[str] = (),
    sign: Optional[Sign] = None,
) -> ReleaseManifest:
    """Upload `files` as the next version of `name` and make it live; those not in `verified` are hashed.

    `record` names files that tell of the run: another run of the same work has others.

    `expected` is the version that was live when the gate judged (None: there was none); LostRace where another
    is live by now. Content that is live already makes no new version; a version that a publisher left behind
    when it died is taken up. A version is signed before it goes live, one that is live without a signature then.
    """
    draft, sources = _uploaded(store, name, files, facts, expected=expected, verified=verified, record=record)
    for _ in range(_ATTEMPTS):
        released = _try_to_release(store, draft, sources, sign)
        if released is not None:
            return released
    raise LostRace(f"what is live of {name} in {store.uri} was moved {_ATTEMPTS} times meanwhile; {_remedy()}")


def propose(  # noqa: PLR0913  # as many as publish has
    store: Store,
    name: str,
    *,
    files: Mapping[str, Path],
    facts: Dict[str, Any],
    expected: Optional[str],
    verified: Mapping[str, FileEntry] = MappingProxyType({}),
    record: Collection[str] = (),
    sign: Optional[Sign] = None,
) -> ReleaseManifest:
    """Upload `files` as the next version of `name`, which then waits for approval; what is live stays.

    The parameters are those of `publish`. Content that waits already makes no new version; a version that a dead
    publisher left behind is taken up.
    """
    draft, sources = _uploaded(store, name, files, facts, expected=expected, verified=verified, record=record)
    for _ in range(_ATTEMPTS):
        manifest = _abandoned(store, draft, sources, _approved(store, name)) or _create_version(store, draft)
        _make_good(store, manifest, sources)
        if not _with_content(store, name, version=manifest.version, digest=draft.digest):
            continue  # a store that lets two writers win
        add_signature(store, manifest, sources, sign)
        add_candidate(store, name, manifest.version)
        if manifest.version not in pruned_versions(store, name):
            return manifest
    raise LostRace(f"versions of {name} in {store.uri} were taken or pruned {_ATTEMPTS} times meanwhile; {_remedy()}")


def _uploaded(
    store: Store,
    name: str,
    files: Mapping[str, Path],
    facts: Dict[str, Any],
    *,
    expected: Optional[str],
    verified: Mapping[str, FileEntry],
    record: Collection[str],
) -> Tuple[ReleaseManifest, Dict[str, Path]]:
    """Upload the files of a version; its manifest, which has no number yet, and the files by their SHA-256."""
    unsafe = [path for path in files if not is_safe(path)]
    if unsafe:
        raise BadInput(f"a release cannot hold a file named {unsafe[0]!r}; rename it to a plain relative path")
    entries = {path: verified.get(path) or entry_of(source) for path, source in sorted(files.items())}
    sources = {entries[path].sha256: source for path, source in files.items()}
    digest = content_digest(facts, entries, record)
    draft = ReleaseManifest(name, "", now(), secrets.token_hex(16), expected, digest, facts, entries, sorted(record))
    _upload(store, name, entries, sources)
    return draft, sources


def _approved(store: Store, name: str) -> Collection[str]:
    """Versions that were candidates once and are none any more: they were live, and rolled back from."""
    return {version for version in candidates(store, name) if approval_of(store, name, version)}


def _try_to_release(
    store: Store, draft: ReleaseManifest, sources: Mapping[str, Path], sign: Optional[Sign]
) -> Optional[ReleaseManifest]:
    """Release a model whose contents are uploaded; None where a move was first that left the live version live."""
    live = live_version(store, draft.name)
    same = live and _with_content(store, draft.name, version=live.version, digest=draft.digest)
    if same:
        add_signature(store, same, sources, sign)
        return same
    if (live.version if live else None) != draft.parent:
        raise _lost(store, draft.name, live=live, expected=draft.parent)
    manifest = _abandoned(store, draft, sources, candidates(store, draft.name)) or _create_version(store, draft)
    _make_good(store, manifest, sources)
    add_signature(store, manifest, sources, sign)
    return _go_live(store, manifest, live)


def set_live(store: Store, name: str, version: str, after: int) -> None:
    """Make a complete version live that nobody has to approve; LostRace if there was a move after number `after`."""
    require_whole(store, read_release(store, name, version))
    if version in waiting_versions(store, name):
        command = approving_command(name, version, store.uri)
        raise BadInput(f"{name} {version} in {store.uri} waits for approval; {command} makes it live")
    moved = move(store, name, version=version, after=after)
    if moved.version != version:
        raise LostRace(f"the live version of {name} in {store.uri} changed at this moment; look again, then repeat")


def require_whole(store: Store, manifest: ReleaseManifest) -> None:
    """BadInput where a version was pruned, or where a file of it is missing or damaged; all of them are read."""
    name, version = manifest.name, manifest.version
    refuse_pruned(store, name, version)
    lost = lost_file(store, manifest)
    if lost is not None:
        raise BadInput(f"{name} {version} in {store.uri} has lost {lost}; choose another version")
    for damaged in _damaged(store, manifest.files, {}):
        raise BadInput(f"{name} {version} in {store.uri} holds {damaged} damaged; choose another version")


def lost_file(store: Store, manifest: ReleaseManifest) -> Optional[str]:
    """Return the first file of a version that is missing or has another size; None if none is. Nothing is read."""
    return next(_missing(store, manifest.files), None)


def repair(store: Store, manifest: ReleaseManifest, sources: Mapping[str, Path]) -> bool:
    """Upload again what a version has lost and `sources`, by SHA-256, have; whether it is whole then."""
    entries = {name: entry for name, entry in manifest.files.items() if entry.sha256 in sources}
    _upload(store, manifest.name, entries, sources)
    others = {name: entry for name, entry in manifest.files.items() if name not in entries}
    return not any(True for _ in _damaged(store, others, {}))


def add_signature(store: Store, manifest: ReleaseManifest, sources: Mapping[str, Path], sign: Optional[Sign]) -> None:
    """Sign a version that has no signature yet; nothing is done where nothing signs."""
    key = signature_key(manifest)
    if sign is not None and store.size(key) is None:
        store.create(key, sign(store, manifest, sources))


def signature_key(manifest: ReleaseManifest) -> str:
    """The key of a version's signature."""
    return f"{_versions_prefix(manifest.name)}{manifest.version}/{SIGNATURE}"


def blob_key(entry: FileEntry) -> str:
    """The key of a file's content."""
    return f"{BLOBS}{entry.sha256}"


def _missing(store: Store, files: Mapping[str, FileEntry]) -> Iterator[str]:
    """The names of files whose content the store lacks or has in another size."""
    return (name for name, entry in files.items() if store.size(blob_key(entry)) != entry.size)


def _damaged(store: Store, files: Mapping[str, FileEntry], sources: Mapping[str, Path]) -> Iterator[str]:
    """The names of files whose content the store lacks or holds damaged."""
    return (
        name for name, entry in files.items() if not store.is_whole(blob_key(entry), entry, sources.get(entry.sha256))
    )


def _upload(store: Store, name: str, entries: Mapping[str, FileEntry], sources: Mapping[str, Path]) -> None:
    """Have the store hold the contents; what is there counts only if it is whole, even of a version that is live."""
    missing = {entries[path].sha256: entries[path] for path in _damaged(store, entries, sources)}
    with progress_bar(sum(entry.size for entry in missing.values()), "B", f"publish {name}") as bar:
        for entry in missing.values():
            _upload_one(store, entry, sources[entry.sha256], bar.update)


def _upload_one(store: Store, entry: FileEntry, source: Path, advance: Advance) -> None:
    """Upload a content until it has arrived whole."""
    for _ in range(_UPLOADS):
        store.upload(source, blob_key(entry), advance)
        if store.is_whole(blob_key(entry), entry, source):
            return
        _log.warning("%s arrived damaged in %s; sending it again", blob_key(entry), store.uri)
        advance(-entry.size)
    verify_file(source, entry)  # it may have been known by a sum of earlier
    raise TryAgainLater(
        f"{blob_key(entry)} arrives damaged in {store.uri} each time; look at the way to it, then start again"
    )


def _versions_prefix(name: str) -> str:
    return f"{release_prefix(name)}versions/"


def _manifest_key(name: str, version: str) -> str:
    if not NUMBER.fullmatch(version):
        raise BadInput(f"a version of {name} must be a number such as 1; got {version!r}")
    return f"{_versions_prefix(name)}{version}/manifest.json"


def _with_content(store: Store, name: str, *, version: str, digest: str) -> Optional[ReleaseManifest]:
    """Return the version if it is intact and has this content."""
    try:
        manifest = read_release(store, name, version)
    except BadInput:
        return None
    return manifest if manifest.digest == digest else None


def _lost(store: Store, name: str, *, live: Optional[Live], expected: Optional[str]) -> LostRace:
    now = f"version {live.version} of {name} is" if live else f"no version of {name} is"
    judged = f"version {expected}" if expected else "nothing"
    return LostRace(f"{now} live in {store.uri}, but this model was compared with {judged}; {_remedy()}")


def _remedy() -> str:
    """What compares the model anew; where results are reused that is the same command."""
    return AGAIN.value() or "run again"


def _abandoned(
    store: Store, draft: ReleaseManifest, sources: Mapping[str, Path], others: Collection[str]
) -> Optional[ReleaseManifest]:
    """Find a version with this content and parent, none of `others`, that can be whole and did not go live."""
    passed = {*others, *pruned_versions(store, draft.name)}
    later = (one for one in versions(store, draft.name) if int(one) > int(draft.parent or 0) and one not in passed)
    same = (_with_content(store, draft.name, version=version, digest=draft.digest) for version in later)
    fitting = (manifest for manifest in same if manifest and manifest.parent == draft.parent)
    return next((manifest for manifest in fitting if not _lost_for_good(store, manifest, sources)), None)


def _lost_for_good(store: Store, manifest: ReleaseManifest, sources: Mapping[str, Path]) -> List[str]:
    """The files of a version that neither the store nor this machine has, such as a card that another run wrote."""
    others = {name: entry for name, entry in manifest.files.items() if entry.sha256 not in sources}
    return list(_missing(store, others))


def _make_good(store: Store, manifest: ReleaseManifest, sources: Mapping[str, Path]) -> None:
    """Upload again what was deleted while no manifest named it; from now on one does, and nobody deletes it."""
    await_claims(store, {entry.sha256 for entry in manifest.files.values()})
    for name in list(_missing(store, manifest.files)):
        entry = manifest.files[name]
        if entry.sha256 not in sources:
            raise TryAgainLater(f"{manifest.name} {manifest.version} in {store.uri} lost {name} just now; start again")
        _upload_one(store, entry, sources[entry.sha256], unwatched)


def _create_version(store: Store, draft: ReleaseManifest) -> ReleaseManifest:
    """Create the version under the next free number."""
    taken = versions(store, draft.name)
    first = int(taken[-1]) + 1 if taken else 1
    for number in range(first, first + _ATTEMPTS):
        manifest = ReleaseManifest(**{**vars(draft), "version": str(number)})
        if store.create(_manifest_key(draft.name, manifest.version), manifest.to_bytes()):
            return manifest
    raise LostRace(f"{_ATTEMPTS} other publishers took the next versions of {draft.name} in {store.uri}; {_remedy()}")


def _go_live(store: Store, manifest: ReleaseManifest, live: Optional[Live]) -> Optional[ReleaseManifest]:
    """Make the new version live; where another publisher was first, accept only the same content.

    Where a store lets two publishers win, the version may be the other's by now, so that its content is what counts.
    None where the first move left the version live that this one was compared with, as pruning does.
    """
    moved = move(store, manifest.name, version=manifest.version, after=live.move if live else 0)
    if moved.version == manifest.parent:
        return None
    with written(store, manifest.name, manifest.version):
        theirs = read_release(store, manifest.name, moved.version)
    if theirs.digest == manifest.digest:
        return theirs
    raise _lost(store, manifest.name, live=live_version(store, manifest.name), expected=manifest.parent)
