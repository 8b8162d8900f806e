"""The kinds of faults, and how many points of each are tried."""

from dataclasses import dataclass
from random import Random
from typing import Callable, Iterable, List

from faults import approving, damage, disks, publishing, training
from faults.points import Point


@dataclass(frozen=True)
class Kind:
    """Points that are alike."""

    points: Callable[[str], Iterable[Point]]
    """All there are, given the address of an S3 server."""

    count: int
    """How many of them are tried; the same each time."""


KINDS = {
    "races of publishers": Kind(lambda server: publishing.races(1000, server), 1000),
    "races of approvals": Kind(lambda server: approving.races(300, server), 300),
    "publishers killed": Kind(publishing.kills, 300),
    "single faults": Kind(publishing.single_faults, 1100),
    "damaged artifacts": Kind(damage.artifacts, 1000),
    "damaged objects of a store": Kind(damage.stores, 260),
    "damaged states of a training": Kind(damage.states, 60),
    "disks full, read-only, lost": Kind(disks.disks, 800),
    "clocks that jump": Kind(disks.clocks, 100),
    "training killed": Kind(training.kills, 1600),
    "training killed in uploads": Kind(training.upload_kills, 300),
    "training killed in two processes": Kind(training.process_kills, 200),
    "training under torchrun": Kind(training.torchrun_kills, 6),
}


def chosen(kind: Kind, server: str, scale: float, point: str = "") -> List[Point]:
    """The points to try, in their order; with a name, those alone whose names begin so."""
    points = list(kind.points(server))
    if point:
        return [one for one in points if one.name.startswith(point)]
    count = min(len(points), max(1, round(kind.count * scale)))
    return [points[number] for number in sorted(Random(0).sample(range(len(points)), count))]
