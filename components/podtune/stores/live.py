"""Which version of a release is live: the one that the newest move names.

    releases/<name>/live/<number>.json    1, 2, 3, … without a gap, each written once

Two who have seen the same move both try to write the next one, so the store's atomic create decides. Compare-and-swap,
which fewer stores can do, is not needed, and what was live when stays on record. A move may name the version that is
live already: pruning and pinning take one, so that they are in one order with publishers and rollbacks.
"""

import contextlib
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Iterator, Optional, Tuple

from podtune.errors import BadInput, TryAgainLater
from podtune.formats.release import NUMBER, require_name
from podtune.formats.sealed import canonical_json
from podtune.parsing import parse_json
from podtune.sections import Mistakes, read_section
from podtune.stores.store import Store

RELEASES = "releases/"


@dataclass(frozen=True)
class Live:
    """Which version is live."""

    version: str
    moved: str
    """When it became live; ISO 8601, UTC."""

    move: int
    """The number of the newest move; what the next move is given."""

    nonce: str = field(default="", compare=False)
    """Of that move, which tells whose it is."""


@dataclass(frozen=True)
class _Move:
    version: str
    moved: str
    nonce: str
    """No two moves are the same bytes, so that after a lost answer the content says whose it is."""


def live_version(store: Store, name: str) -> Optional[Live]:
    """Which version of `name` is live; None where none was ever published."""
    try:
        return _newest_move(store, name)
    except BadInput:  # one answer is no proof of damage
        return _newest_move(store, name)


def moves(store: Store, name: str) -> Iterator[Live]:
    """Every move that can be read, the newest first."""
    newest = live_version(store, name)
    for number in range(newest.move if newest else 0, 0, -1):
        with contextlib.suppress(BadInput):
            found = read_move(store, name, number)
            if found is not None:
                yield found


def read_move(store: Store, name: str, number: int) -> Optional[Live]:
    """One move; None where there is none of that number yet."""
    data = store.read(_key(name, number))
    return None if data is None else _parse(store, name, number=number, data=data)


def move(store: Store, name: str, *, version: str, after: int, nonce: str = "") -> Live:
    """Make a version live by the move that follows number `after` (0: the first); without `nonce` it gets a random one.

    Returns that move as the store holds it: another's, where another was first. Where a store lets several win, what
    is returned may be overwritten later, so that several publishers or none may take themselves for the winner.
    TryAgainLater where it was written but cannot be read, which says nothing of who was first; BadInput where something
    lies in its place that is no object, such as a directory.
    """
    content = {"version": version, "moved": now(), "nonce": nonce or secrets.token_hex(16)}
    key = _key(name, after + 1)
    created = store.create(key, canonical_json(content))
    with written(store, name, version):
        data = store.read(key)
        if data is None and not created:  # one answer is no proof
            data = store.read(key)
        if data is not None:
            return _parse(store, name, number=after + 1, data=data)
        if created:
            raise BadInput(f"{key} is not there")
    raise BadInput(f"{key} in {store.uri} is taken by what cannot be read; delete it and start again")


@contextlib.contextmanager
def written(store: Store, name: str, version: str) -> Iterator[None]:
    """Turn BadInput from reading what was written just now into TryAgainLater: one answer is no proof of damage."""
    try:
        yield
    except BadInput as error:
        reason = str(error).partition(";")[0]
        unknown = f"whether {name} {version} is live in {store.uri} cannot be read just now ({reason})"
        raise TryAgainLater(f"{unknown}; start again to know") from error


def release_prefix(name: str) -> str:
    """Where all of a release but its content lies."""
    require_name(name)
    return f"{RELEASES}{name}/"


def now() -> str:
    """The time in ISO 8601, UTC."""
    return datetime.now(timezone.utc).isoformat(timespec="seconds")


def _newest_move(store: Store, name: str) -> Optional[Live]:
    number, data = _newest(store, name)
    return None if data is None else _parse(store, name, number=number, data=data)


def _newest(store: Store, name: str) -> Tuple[int, Optional[bytes]]:
    """The newest move; a listing may be behind, so that the numbers after it are asked for."""
    prefix = f"{release_prefix(name)}live/"
    numbers = (key[len(prefix) : -len(".json")] for key in store.keys(prefix) if key.endswith(".json"))
    number = max((int(number) for number in numbers if NUMBER.fullmatch(number)), default=0)
    found = store.read(_key(name, number)) if number else None
    following = store.read(_key(name, number + 1))
    while following is not None:
        number, found = number + 1, following
        following = store.read(_key(name, number + 1))
    return number, found


def _parse(store: Store, name: str, *, number: int, data: bytes) -> Live:
    try:
        found = read_section(_Move, parse_json(data), "")
    except (Mistakes, ValueError) as error:
        key = _key(name, number)
        raise BadInput(f"{key} in {store.uri} is damaged; delete it and roll back to a version") from error
    return Live(found.version, found.moved, number, found.nonce)


def _key(name: str, number: int) -> str:
    return f"{release_prefix(name)}live/{number}.json"
