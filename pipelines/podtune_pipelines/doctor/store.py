"""A store: whether it can be reached, read and written, and what its conditional writes are worth."""

import secrets
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Iterator

from podtune.errors import BadInput, PodtuneError
from podtune.stores.opening import open_store
from podtune.stores.store import Store

from podtune_pipelines.doctor.finding import Finding, failed, ok, refused, warning
from podtune_pipelines.doctor.machine import room_at
from podtune_pipelines.doctor.s3 import look_at_bucket

_WRITERS, _RACES = 8, 5


@dataclass(frozen=True)
class Purpose:
    """What a store is for, and so what has to work."""

    name: str
    """The option that names the store."""

    releases: bool
    """Whether releases live there: new objects must never replace others."""

    deletes: bool
    """Whether what is written there is removed again."""


RELEASES = Purpose("store", releases=True, deletes=False)
CHECKPOINTS = Purpose("workspace", releases=False, deletes=True)


def look_at_store(uri: str, purpose: Purpose) -> Iterator[Finding]:
    """Everything, from the credentials to a race, until something fails that the rest needs."""
    store = open_store(uri)
    if uri.startswith("s3://"):
        for finding in look_at_bucket(uri, purpose.name):
            yield finding
            if finding.outcome == "failed":
                return
    elif not Path(store.uri).exists():
        room_at(Path(store.uri))
        yield ok(f"{purpose.name} {store.uri}", "is not there yet, and can be made")
        return
    about = f"{purpose.name} {store.uri}"
    key = f"doctor/{secrets.token_hex(8)}"
    _write_and_read(store, key)
    yield ok(about, "can be read and written")
    obeyed = _conditional_writes(store, key, about=about) if purpose.releases else None
    if obeyed:
        yield obeyed
    deleted = _delete(store, key, about=about, purpose=purpose)
    yield deleted
    if obeyed and obeyed.outcome == deleted.outcome == "ok":
        yield _races(store, key, about=about)


def _write_and_read(store: Store, key: str) -> None:
    with tempfile.TemporaryDirectory() as directory:
        sent, back = Path(directory, "sent"), Path(directory, "back")
        sent.write_text(key)
        store.upload(sent, key)
        store.download(key, back)
        if back.read_text() != key:
            raise BadInput(f"{store.uri} gives back other bytes than were written; use another store")


def _conditional_writes(store: Store, key: str, *, about: str) -> Finding:
    """Try to create what is there."""
    try:
        replaced = store.create(key, b"second") or store.read(key) != key.encode()
    except PodtuneError as error:
        return refused(about, str(error))
    if replaced:
        return failed(about, "a create replaced what was there", "use a store that obeys If-None-Match")
    return ok(about, "a create leaves alone what is there")


def _delete(store: Store, key: str, *, about: str, purpose: Purpose) -> Finding:
    try:
        store.delete(key)
    except PodtuneError as error:
        if purpose.deletes:
            return refused(about, str(error))
        return warning(about, f"nothing can be deleted, which releasing does not need; {key} stays", "delete it")
    return ok(about, "what was written can be deleted")


def _races(store: Store, key: str, *, about: str) -> Finding:
    """Have several writers create the same object at once, a few times."""
    won = [_winners(store, f"{key}-race-{number}") for number in range(_RACES)]
    if max(won) > 1:
        found = f"of {_WRITERS} writers at once, up to {max(won)} are told that they created the same object"
        remedy = "have one publisher at a time; releases stay whole, but two may both be told that they won"
        return warning(about, found, remedy)
    return ok(about, f"of {_WRITERS} writers at once, one wins, {_RACES} times out of {_RACES}")


def _winners(store: Store, key: str) -> int:
    with ThreadPoolExecutor(_WRITERS) as pool:
        won = list(pool.map(lambda writer: store.create(key, str(writer).encode()), range(_WRITERS)))
    store.delete(key)
    return won.count(True)
