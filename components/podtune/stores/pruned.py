"""What pruning leaves in a store for others to read.

    releases/<name>/pruned/<nonce>.json    written once: versions that go if the move it names is the one of that nonce
    pruning/<nonce>.json                   contents that a process deletes at this moment

A version's manifest stays when it is pruned, so that its scores, its number and its lineage stay on record.
"""

import contextlib
import logging
import time
from dataclasses import dataclass
from typing import Collection, Dict, List

from podtune.errors import BadInput
from podtune.parsing import parse_json
from podtune.sections import Mistakes, read_section
from podtune.stores.live import read_move, release_prefix
from podtune.stores.store import Store

CLAIMS = "pruning/"

PATIENCE = 600.0
"""Seconds after which whoever claimed contents is dead; a claim is acted on within a minute, and one request."""

_PAUSE = 0.5

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Pruning:
    """Versions that go, if the move has the nonce that this is called after; otherwise it was never decided."""

    move: int
    versions: List[str]


@dataclass(frozen=True)
class Claim:
    """Contents, by their SHA-256, that go unless a version names them."""

    contents: List[str]


def pruned_versions(store: Store, name: str) -> Dict[str, str]:
    """Pruned versions with the time at which each was; read after the live version, no later move makes one live."""
    found: Dict[str, str] = {}
    prefix = pruned_prefix(name)
    for key in store.keys(prefix):
        data = store.read(key)
        if data is None:  # withdrawn at this moment
            continue
        try:
            pruning = read_section(Pruning, parse_json(data), "")
        except (Mistakes, ValueError, RecursionError) as error:
            raise BadInput(f"{key} in {store.uri} is damaged; restore it, or delete it") from error
        decided = read_move(store, name, pruning.move)
        if decided is not None and f"{decided.nonce}.json" == key[len(prefix) :]:
            found.update(dict.fromkeys(pruning.versions, decided.moved))
    return found


def refuse_pruned(store: Store, name: str, version: str) -> None:
    """Raise BadInput where a version was pruned."""
    when = pruned_versions(store, name).get(version)
    if when is not None:
        there = f"`podtune releases {name}` shows which versions are there"
        raise BadInput(f"{name} {version} was pruned from {store.uri} at {when}, its files are gone; {there}")


def pruned_prefix(name: str) -> str:
    """Below which a name's prunings are recorded."""
    return f"{release_prefix(name)}pruned/"


def await_claims(store: Store, contents: Collection[str]) -> None:
    """Wait until no process deletes one of these contents, all of which a manifest names by now.

    Who claims a content looks for manifests afterwards: a claim that is not there yet does no harm. One that stays is a
    dead process's, which the next pruning ends; publishers may not be allowed to delete.
    """
    end = time.monotonic() + PATIENCE
    waiting = {key for key in store.keys(CLAIMS) if _concerns(store, key, contents)}
    if waiting:
        _log.info("waiting for `podtune prune`, which deletes contents of %s just now", store.uri)
    while waiting and time.monotonic() < end:
        time.sleep(_PAUSE)
        waiting &= set(store.keys(CLAIMS))


def _concerns(store: Store, key: str, contents: Collection[str]) -> bool:
    """Whether a claim is on one of these contents; one that cannot be read may be."""
    data = store.read(key)
    with contextlib.suppress(Mistakes, ValueError, RecursionError):
        return data is not None and not set(contents).isdisjoint(read_section(Claim, parse_json(data), "").contents)
    return True
