"""Remove versions of releases, and contents that no version names, while others publish and roll back.

Two orders make it safe, whatever dies and however long anything takes:

A version goes by a move, which keeps the live version live. Who publishes or rolls back has looked at what is pruned
after the move that its own move follows, so that of two who decide on one version only the first decides.

A content goes after a claim: claim, look at all manifests, delete what none names, end the claim. A publisher writes
its manifest, looks at the claims, waits for those on its contents, has the store hold what is gone, and goes live last.
Either the one who deletes sees the manifest, or the publisher sees the claim or what was deleted. A claim whose process
died is void ten minutes after a publisher met it.
"""

import secrets
import time
from typing import Callable, Collection, Container, Dict, Iterator, List, Mapping, Set, Tuple

from podtune.errors import BadInput, LostRace
from podtune.formats.sealed import canonical_json
from podtune.stores.live import live_version, move, release_prefix
from podtune.stores.pruned import CLAIMS, PATIENCE, pruned_prefix, pruned_versions, refuse_pruned
from podtune.stores.releases import BLOBS, names, read_release, versions
from podtune.stores.store import Store, Stored

Keep = Callable[[], Container[str]]
"""Decides, of the store as it is now, which versions of a release stay."""

_ATTEMPTS = 100
"""Moves by others during one pruning or pinning."""

_BATCH = 100
"""Contents of one claim."""

_CLAIM_SECONDS = 60.0
"""In which a claim is acted on; then what is left needs a new one."""


def prune_versions(store: Store, name: str, keep: Keep) -> List[str]:
    """Have every version go that `keep` does not keep; their contents stay until they are deleted. Returns them.

    Where nothing is live, nothing goes. LostRace where others move what is live all the time.
    """
    for _ in range(_ATTEMPTS):
        live = live_version(store, name)
        if live is None:
            return []
        kept, gone = keep(), pruned_versions(store, name)
        going = [one for one in versions(store, name) if one != live.version and one not in kept and one not in gone]
        if not going:
            return []
        nonce = secrets.token_hex(16)
        key = f"{pruned_prefix(name)}{nonce}.json"
        store.create(key, canonical_json({"move": live.move + 1, "versions": going}))
        if move(store, name, version=live.version, after=live.move, nonce=nonce).nonce == nonce:
            return going
        store.delete(key)
    raise _busy(store, name)


def pin(store: Store, name: str, version: str) -> None:
    """Keep a version from being pruned; BadInput where it is not there or was pruned."""
    read_release(store, name, version)
    refuse_pruned(store, name, version)
    key = _pin_key(name, version)
    store.create(key, b"")
    for _ in range(_ATTEMPTS):
        live = live_version(store, name)
        try:
            refuse_pruned(store, name, version)
        except BadInput:
            store.delete(key)
            raise
        nonce = secrets.token_hex(16)
        if live is None or move(store, name, version=live.version, after=live.move, nonce=nonce).nonce == nonce:
            return
    raise _busy(store, name)


def unpin(store: Store, name: str, version: str) -> None:
    """Let a version be pruned again."""
    store.delete(_pin_key(name, version))


def pinned_versions(store: Store, name: str) -> Set[str]:
    """Versions that a person keeps."""
    return {key.rpartition("/")[2] for key in store.keys(_pin_key(name, ""))}


def unnamed_contents(
    store: Store, before: float, without: Mapping[str, Collection[str]], known: "Known"
) -> Iterator[Stored]:
    """Contents written before a time (seconds since 1970) that no version names, those of `without` left out."""
    named = _named(store, known, without)
    found = (one for one in store.listing(BLOBS) if one.key[len(BLOBS) :] not in named)
    return (one for one in found if one.modified <= before)


def delete_unnamed(store: Store, before: float) -> List[Stored]:
    """Delete contents written before a time that no version names by then; returns what was deleted."""
    known: Known = {}
    found = list(unnamed_contents(store, before, {}, known))
    batches = [found[first : first + _BATCH] for first in range(0, len(found), _BATCH)]
    if not batches and any(store.keys(CLAIMS)):
        batches = [[]]  # a claim of nothing ends those of dead processes
    return [one for batch in batches for one in _delete(store, batch, known)]


Known = Dict[Tuple[str, str], Set[str]]
"""The contents of a name's version, which never change; filled by who reads them."""


def _delete(store: Store, found: List[Stored], known: Known) -> List[Stored]:
    """Claim contents, delete those that no version names, end the claim.

    Where a request fails the claim stays, because the store may still act on it.
    """
    claim, end = f"{CLAIMS}{secrets.token_hex(16)}.json", time.monotonic() + _CLAIM_SECONDS
    store.create(claim, canonical_json({"contents": [one.key[len(BLOBS) :] for one in found]}))
    _end_old_claims(store, claim)
    named, deleted = _named(store, known, {}), []
    for one in found:
        if one.key[len(BLOBS) :] not in named and time.monotonic() < end:
            store.delete(one.key)
            deleted.append(one)
    store.delete(claim)
    return deleted


def _end_old_claims(store: Store, own: str) -> None:
    """End claims whose processes died, by the store's clock alone."""
    claims = {one.key: one.modified for one in store.listing(CLAIMS)}
    for key, modified in claims.items():
        if modified < claims.get(own, 0.0) - PATIENCE:
            store.delete(key)


def _named(store: Store, known: Known, without: Mapping[str, Collection[str]]) -> Set[str]:
    """The SHA-256 of every content of a version that is not pruned; BadInput where one cannot be read."""
    found: Set[str] = set()
    for name in names(store):
        gone = {*pruned_versions(store, name), *without.get(name, ())}
        for version in versions(store, name):
            if version not in gone:
                found |= known.get((name, version)) or known.setdefault(
                    (name, version), _contents(store, name, version)
                )
    return found


def _contents(store: Store, name: str, version: str) -> Set[str]:
    try:
        return {entry.sha256 for entry in read_release(store, name, version).files.values()}
    except BadInput as error:
        reason = str(error).partition(";")[0]
        raise BadInput(f"{reason}, so that nobody knows its contents and none is deleted; restore it first") from error


def _pin_key(name: str, version: str) -> str:
    return f"{release_prefix(name)}pins/{version}"


def _busy(store: Store, name: str) -> LostRace:
    return LostRace(f"what is live of {name} in {store.uri} changed {_ATTEMPTS} times meanwhile; run again")
