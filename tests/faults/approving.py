"""Approvals: races with each other, with publishers and with rollbacks."""

from functools import partial
from pathlib import Path
from random import Random
from typing import Any, Dict, Iterator, List

from podtune.stores.approvals import approval_of, waiting_versions
from podtune.stores.live import live_version, moves
from podtune.stores.opening import open_store
from podtune.stores.releases import set_live
from podtune_pipelines.approving import Approver, approve

from faults.points import Point
from faults.processes import Ending, Work, endings_of
from faults.publishing import impatient, live_model, publishing, store_at


def approving(store: str, version: str, by: str) -> Work:
    """The work of approving a candidate."""
    return lambda: approve(open_store(store), "qa", version, Approver(by, "it was read"))


def rolling_back(store: str, to: str) -> Work:
    """The work of making an earlier version live again."""

    def work() -> None:
        opened = open_store(store)
        live = live_version(opened, "qa")
        set_live(opened, "qa", to, live.move if live else 0)

    return work


def race(folder: Path, *, server: str, asked: int, people: int, publishers: int, rolls: bool) -> None:
    """Approve, publish and roll back at once: each follows what it was judged against, and is told what it did."""
    impatient()
    store = store_at(folder, server)
    publishing(folder, "before", store)()
    publishing(folder, "live", store, "1")()
    for number in range(asked):
        publishing(folder / "asked", f"candidate {number}", store, "2", approval="manual")()
    waiting = waiting_versions(open_store(store), "qa")
    approvals = {f"person {number}": waiting[number % asked] for number in range(people)}
    works = [approving(store, version, person) for person, version in approvals.items()]
    works += [publishing(folder / str(number), f"model {number}", store, "2") for number in range(publishers)]
    endings = endings_of([*works, *([rolling_back(store, "1")] if rolls else [])])
    _judge(folder, store, list(approvals.values()), endings)


def _judge(folder: Path, store: str, approved: List[str], endings: List[Ending]) -> None:
    """What holds after a race of these approvals, whose endings come first, with others."""
    assert live_model(store, folder)
    opened = open_store(store)
    made = [each.version for each in reversed(list(moves(opened, "qa")))]
    people, others = endings[: len(approved)], endings[len(approved) :]
    assert {ending.code for ending in people} <= {0, 75}, endings
    assert {ending.code for ending in others} <= {0, 4}, endings
    for version in sorted(set(approved)):
        told = [ending.code for ending, each in zip(people, approved) if each == version]
        approval = approval_of(opened, "qa", version)
        assert (approval is not None) == (0 in told) == (version in made), f"{version}: {told}, {made}"
        if approval is not None:
            assert (made[approval.move - 1], made[approval.move - 2]) == (version, approval.champion)
    won = len(set(approved).intersection(made)) + sum(ending.code == 0 for ending in others)
    assert len(made) == 2 + won, f"{made} after {endings}"
    assert all("in between became live: version " in ending.told for ending in people if ending.code)


def races(count: int, server: str) -> Iterator[Point]:
    """Of 1 to 4 persons on 1 to 3 candidates, up to 3 publishers and a rollback; in a directory and on S3."""
    for number in range(count):
        random = Random(f"approvals {number}")
        on = ("directory", "s3")[number % 2]
        values: Dict[str, Any] = {
            "asked": random.choice((1, 2, 3)),
            "people": random.choice((1, 2, 4)),
            "publishers": random.choice((0, 1, 3)),
            "rolls": random.random() < 0.5,
        }
        trial = partial(race, server=server if on == "s3" else "", **values)
        words = ", ".join(f"{name} {value}" for name, value in values.items())
        yield Point(f"approvals {number}: {on}, {words}", trial)
