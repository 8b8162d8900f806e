"""Releases in a store: immutable versions, and which of them is live.

    blobs/sha256/<hex>                              content, named by its hash
    releases/<name>/versions/<number>/manifest.json written once: files, hashes, facts, parent, nonce
    releases/<name>/versions/<number>/model.sig     written once, where releases are signed
    releases/<name>/live/<number>.json              written once: which version became live

A version is complete before its manifest exists, and a manifest before a move names it. So whatever
dies on the way, and even where a store lets two writers win, a reader finds a whole version or none.
"""

import secrets
from pathlib import Path
from types import MappingProxyType
from typing import Any, Callable, Dict, List, Mapping, Optional

from podtune.environment import AGAIN
from podtune.errors import BadInput, LostRace
from podtune.formats.release import NUMBER, SIGNATURE, ReleaseManifest, content_digest, is_safe, parse_release
from podtune.formats.sealed import FileEntry, entry_of
from podtune.progress import progress_bar
from podtune.stores.live import RELEASES, Live, live_version, move, now, release_prefix, written
from podtune.stores.store import Store

Sign = Callable[[ReleaseManifest, Mapping[str, Path]], bytes]
"""A release's manifest and files, by their paths in it, to its signature."""

_ATTEMPTS = 100
"""Versions that other publishers may take before us while the live one stays the same."""


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
        raise BadInput(f"{store.uri} has no version {version} of {name}; it has {known}")
    manifest = parse_release(found, f"{key} in {store.uri}")
    if (manifest.name, manifest.version) != (name, version):
        raise BadInput(f"{key} in {store.uri} is damaged: it describes {manifest.name} {manifest.version}")
    return manifest


def read_live(store: Store, name: str) -> ReleaseManifest:
    """Read the live version's manifest; BadInput, naming what there is, where there is none."""
    live = live_version(store, name)
    if live is None:
        known = ", ".join(names(store)) or "nothing"
        raise BadInput(f"{store.uri} holds no live release named {name}; it holds {known}")
    return read_release(store, name, live.version)


def publish(
    store: Store,
    name: str,
    *,
    files: Mapping[str, Path],
    facts: Dict[str, Any],
    expected: Optional[str],
    verified: Mapping[str, FileEntry] = MappingProxyType({}),
    sign: Optional[Sign] = None,
) -> ReleaseManifest:
    """Upload `files` as the next version of `name` and make it live; those not in `verified` are hashed.

    `expected` is the version that was live when the gate judged (None: there was none); LostRace where another
    is live by now. Content that is live already makes no new version; a version that a publisher left behind
    when it died is taken up. A version is signed before it goes live, one that is live without a signature then.
    """
    unsafe = [path for path in files if not is_safe(path)]
    if unsafe:
        raise BadInput(f"a release cannot hold a file named {unsafe[0]!r}; rename it to a plain relative path")
    entries = {path: verified.get(path) or entry_of(source) for path, source in sorted(files.items())}
    missing = {path: entry for path, entry in entries.items() if store.size(blob_key(entry)) != entry.size}
    with progress_bar(sum(entry.size for entry in missing.values()), "B", f"publish {name}") as bar:
        for path, entry in missing.items():  # even of a version that is live
            store.upload(files[path], blob_key(entry), bar.update)
    live = live_version(store, name)
    digest = content_digest(facts, entries)
    same = live and _with_content(store, name, version=live.version, digest=digest)
    if same:
        add_signature(store, same, files, sign)
        return same
    if (live.version if live else None) != expected:
        raise _lost(store, name, live=live, expected=expected)
    draft = ReleaseManifest(name, "", now(), secrets.token_hex(16), expected, digest, facts, entries)
    manifest = _abandoned(store, name, parent=expected, digest=digest) or _create_version(store, draft)
    add_signature(store, manifest, files, sign)
    return _go_live(store, manifest, live)


def set_live(store: Store, name: str, version: str, after: int) -> None:
    """Make a complete version live; LostRace if there was a move after number `after`."""
    manifest = read_release(store, name, version)
    lost = lost_file(store, manifest)
    if lost is not None:
        raise BadInput(f"{name} {version} in {store.uri} has lost {lost}; choose another version")
    moved = move(store, name, version=version, after=after)
    if moved.version != version:
        raise LostRace(f"the live version of {name} in {store.uri} changed at this moment; look again, then repeat")


def lost_file(store: Store, manifest: ReleaseManifest) -> Optional[str]:
    """Return the first file of a version that is missing or has another size; None if none is."""
    lost = (name for name, entry in manifest.files.items() if store.size(blob_key(entry)) != entry.size)
    return next(lost, None)


def add_signature(store: Store, manifest: ReleaseManifest, files: Mapping[str, Path], sign: Optional[Sign]) -> None:
    """Sign a version that has no signature yet; nothing is done where nothing signs."""
    key = signature_key(manifest)
    if sign is not None and store.size(key) is None:
        store.create(key, sign(manifest, files))


def signature_key(manifest: ReleaseManifest) -> str:
    """The key of a version's signature."""
    return f"{_versions_prefix(manifest.name)}{manifest.version}/{SIGNATURE}"


def blob_key(entry: FileEntry) -> str:
    """The key of a file's content."""
    return f"blobs/sha256/{entry.sha256}"


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


def _abandoned(store: Store, name: str, *, parent: Optional[str], digest: str) -> Optional[ReleaseManifest]:
    """Find a version with this content whose publisher died before it went live."""
    later = (version for version in versions(store, name) if int(version) > int(parent or 0))
    same = (_with_content(store, name, version=version, digest=digest) for version in later)
    return next((manifest for manifest in same if manifest and manifest.parent == parent), None)


def _create_version(store: Store, draft: ReleaseManifest) -> ReleaseManifest:
    """Create the version under the next free number."""
    taken = versions(store, draft.name)
    first = int(taken[-1]) + 1 if taken else 1
    for number in range(first, first + _ATTEMPTS):
        manifest = ReleaseManifest(**{**vars(draft), "version": str(number)})
        if store.create(_manifest_key(draft.name, manifest.version), manifest.to_bytes()):
            return manifest
    raise LostRace(f"{_ATTEMPTS} other publishers took the next versions of {draft.name} in {store.uri}; {_remedy()}")


def _go_live(store: Store, manifest: ReleaseManifest, live: Optional[Live]) -> ReleaseManifest:
    """Make the new version live; where another publisher was first, accept only the same content.

    Where a store lets two publishers win, the version may be the other's by now, so that its content is what counts.
    """
    moved = move(store, manifest.name, version=manifest.version, after=live.move if live else 0)
    with written(store, manifest.name, manifest.version):
        theirs = read_release(store, manifest.name, moved.version)
    if theirs.digest == manifest.digest:
        return theirs
    raise _lost(store, manifest.name, live=live_version(store, manifest.name), expected=manifest.parent)
