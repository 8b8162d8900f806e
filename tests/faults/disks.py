"""Disks that are full, read-only or lost while a step writes, and clocks that jump."""

import errno
import json
import os
import shutil
import tempfile
import time
from datetime import datetime, timedelta, timezone, tzinfo
from functools import lru_cache, partial
from itertools import product
from pathlib import Path
from typing import Any, Dict, Iterator, Optional

from podtune.formats.sealed import MANIFEST, open_sealed
from podtune.stores import live

from faults import s3
from faults.flow import STEPS, finished, step_of
from faults.inputs_of_tasks import TASKS
from faults.operations import CLOSED, FULL, LOST, Act, at, fail, failing_from, limit_files, note, watch
from faults.points import Point
from faults.processes import Work, ending_of
from faults.publishing import impatient, live_model, publishing, store_at
from faults.training import finetuning, judge, make_ready

DAYS = (-3.0, 4_000.0)
"""How far a clock jumps."""


def _digests(folder: Path) -> Dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def failing_disk(folder: Path, *, task: str, step: str, before: Work, code: int, earlier: bool) -> None:
    """A step whose disk fails ends with its code, or with none the wiser; what was there stays; then it succeeds.

    Where the disk fails after the new output took its place, that one is there, whole.
    """
    impatient()
    made, output = finished(task), STEPS[step][1]
    if earlier:
        shutil.copytree(made[output], folder / output)
    there = _digests(folder / output) if earlier else {}
    ending = ending_of(step_of(step, task, made, folder, before=partial(_with, folder, before)))
    assert ending.code in (0, code), ending
    assert "Traceback" not in ending.told, ending
    if ending.code and _digests(folder / output) != there:
        found = json.loads((folder / output / MANIFEST).read_bytes())
        open_sealed(folder / output, found["kind"], found["version"])
    again = ending_of(step_of(step, task, made, folder))
    assert again.code == 0, f"and again: {again}"
    left = [path for path in folder.glob(".*") if path.name != ".incoming"]
    assert left == [], left


def _with(folder: Path, before: Work) -> None:
    os.chdir(folder)
    before()


@lru_cache(maxsize=None)
def _operations(task: str, step: str) -> int:
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as elsewhere:
        count = Path(elsewhere, "count")
        hit = partial(watch, Path(folder), note(count), reading=True)
        assert ending_of(step_of(step, task, finished(task), Path(folder), before=hit)).code == 0
        return len(count.read_text().splitlines())


def disks(_: str) -> Iterator[Point]:
    """Each step of the three tasks; each of its file operations alone, and from each on."""
    make_ready()
    for task, step in product(TASKS, STEPS):
        for size in (0, 10, 100, 1_000, 10_000, 100_000, 300_000):
            full = partial(limit_files, size)
            yield _point(f"{task}: {step}, no file beyond {size} bytes", task, step, full, 75)
        for number in range(1, _operations(task, step) + 1):
            for error in (*LOST, *FULL, *CLOSED):
                code = 2 if error in CLOSED else 75
                name = f"{task}: {step} meets {errno.errorcode[error]} at operation {number}"
                yield _point(name, task, step, partial(_watch_here, at(number, fail(error))), code)
                before = partial(_watch_here, failing_from(number, error))
                yield _point(f"{name} and from there on", task, step, before, code)


def _watch_here(act: Act) -> None:
    watch(Path.cwd(), act, reading=True)


def _point(name: str, task: str, step: str, before: Work, code: int) -> Point:
    values: Dict[str, Any] = {"task": task, "step": step, "before": before, "code": code, "earlier": len(name) % 2 == 0}
    return Point(name, partial(failing_disk, **values))


# Clocks

_time = time.time


class _Jumping(datetime):
    """A clock that may have jumped."""

    @classmethod
    def now(cls, tz: Optional[tzinfo] = None) -> "_Jumping":
        return cls.fromtimestamp(time.time(), tz or timezone.utc)


def jump(days: float) -> None:
    """Let this process's clock show another time from now on."""
    time.time = lambda: _time() + timedelta(days=days).total_seconds()
    vars(live)["datetime"] = _Jumping


def training_in_another_time(folder: Path, *, task: str, name: str, number: int, days: float) -> None:
    """A clock jumps while a model is trained: the result is the same."""
    impatient()
    act = at(number, lambda _: jump(days))
    ending = ending_of(finetuning(folder, task, name, str(folder / "workspace"), before=partial(watch, folder, act)))
    assert ending.code == 0, ending
    judge(folder, task, name, str(folder / "workspace"))


def publishing_in_another_time(folder: Path, *, server: str, days: float, number: int) -> None:
    """A clock jumps while a model is published, and the next publisher has the right time."""
    impatient()
    store = store_at(folder, server)
    publishing(folder, "before", store)()

    def jumping() -> None:
        if server:
            s3.at_request(number, partial(jump, days))
        else:
            watch(folder, at(number, lambda _: jump(days)))
        publishing(folder, "new", store, "1")()

    for work, model in ((jumping, "new"), (publishing(folder, "next", store, "2"), "next")):
        ending = ending_of(work)
        assert ending.code == 0, ending
        assert live_model(store, folder) == model


def clocks(server: str) -> Iterator[Point]:
    """Clocks that jump at any operation of a training, or of a publisher."""
    make_ready()
    for task, number, days in product(TASKS, range(1, 121, 3), DAYS):
        trial = partial(training_in_another_time, task=task, name="best weights", number=number, days=days)
        yield Point(f"{task}: the clock jumps {days:.0f} days at operation {number}", trial)
    for on, number, days in product(("", server), range(1, 51, 2), DAYS):
        publishes = partial(publishing_in_another_time, server=on, days=days, number=number)
        yield Point(f"publish {'on S3' if on else 'in a directory'}: {days:.0f} days at {number}", publishes)
