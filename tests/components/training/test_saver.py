"""Checkpoints that are written while training goes on: runs of 12 steps, as in test_loop.py."""

import threading
from pathlib import Path
from typing import Any, Callable, Dict, List, Mapping

import pytest
from podtune.errors import BadInput
from podtune.stores.directory_store import DirectoryStore
from podtune.stores.store import Advance, unwatched
from podtune.training.loop import train
from podtune.training.resume import Mirror

Engines = Callable[..., Any]
PATIENCE = 60.0


@pytest.fixture
def a_minute_a_step(monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], None]:
    """Have the loop's clock show a minute for each step that the engine has taken."""

    def watch(engine: Any) -> None:
        monkeypatch.setattr("podtune.training.loop.monotonic", lambda: 60.0 * engine.calls.count("step"))

    return watch


def saved_steps(calls: List[str]) -> List[int]:
    return [calls[:place].count("step") for place, call in enumerate(calls) if call == "save"]


@pytest.mark.parametrize(("every", "saved"), [(0, [5, 10, 12]), (6, [5, 6, 11, 12])])
def test_a_state_is_saved_every_few_minutes_and_steps_and_at_the_end(
    workbench: Any,
    make_engine: Engines,
    a_minute_a_step: Callable[[Any], None],
    monkeypatch: pytest.MonkeyPatch,
    every: int,
    saved: List[int],
) -> None:
    engine = make_engine()
    a_minute_a_step(engine)
    monkeypatch.setattr("podtune.training.saver.Saver.is_writing", lambda _: False)

    train(workbench.run(engine, checkpoint_every=every, checkpoint_minutes=5))

    assert saved_steps(engine.calls) == saved


class BusyDisk:
    """Written to by an engine whose every write waits until the engine has taken some more steps."""

    def __init__(self, engine: Any, steps: int) -> None:
        self.engine, self.copies, self.most_copies = engine, 0, 0
        self.moved = threading.Event()
        copy, take = engine.copy_state, engine.steps

        def copy_state() -> Callable[[Path], None]:
            write, until = copy(), engine.calls.count("step") + steps
            self.copies += 1
            self.most_copies = max(self.copies, self.most_copies)

            def slowly(directory: Path) -> None:
                while engine.calls.count("step") < min(until, 12):
                    assert self.moved.wait(PATIENCE), "training waits for the disk"
                    self.moved.clear()
                write(directory)
                self.copies -= 1

            return slowly

        def take_steps(*arguments: Any) -> Any:
            results = take(*arguments)
            self.moved.set()
            return results

        engine.copy_state, engine.steps = copy_state, take_steps


def test_training_does_not_wait_for_a_disk_that_is_behind_the_clock(
    workbench: Any, make_engine: Engines, a_minute_a_step: Callable[[Any], None]
) -> None:
    engine = make_engine()
    a_minute_a_step(engine)
    disk = BusyDisk(engine, steps=7)

    train(workbench.run(engine, checkpoint_every=0, checkpoint_minutes=2))

    first, *_, last = saved_steps(engine.calls)
    assert (first, last) == (2, 12)
    assert not set(saved_steps(engine.calls)) & set(range(3, 9))
    assert disk.most_copies == 1


class HeldStore:
    """A store that takes nothing before training is over."""

    def __init__(self, engine: Any) -> None:
        self.engine, self.held = engine, []  # type: Any, List[List[int]]

    def hold(self, directories: Mapping[int, Path]) -> None:
        while self.engine.calls.count("step") < 12:
            threading.Event().wait(0.001)
        assert all((path / "manifest.json").exists() for path in directories.values()), "removed while it was sent"
        self.held.append(sorted(directories))

    def steps(self) -> List[int]:
        return []


def test_training_never_waits_for_the_store(workbench: Any, make_engine: Engines) -> None:
    engine = make_engine()
    workbench.mirror = HeldStore(engine)

    train(workbench.run(engine, checkpoint_every=1, keep_checkpoints=2))

    assert saved_steps(engine.calls) == list(range(1, 13))
    assert workbench.mirror.held[-1] == [11, 12]


def test_a_full_disk_ends_the_run_at_the_next_step(workbench: Any, make_engine: Engines) -> None:
    engine = make_engine()
    noticed = threading.Event()

    def refuse() -> Callable[[Path], None]:
        def write(directory: Path) -> None:
            noticed.set()
            raise OSError(28, "No space left on device", str(directory))

        return write

    engine.copy_state = refuse

    with pytest.raises(OSError, match="No space left on device"):
        train(workbench.run(engine))

    assert noticed.is_set()


class RefusingStore(HeldStore):
    def hold(self, directories: Mapping[int, Path]) -> None:
        raise BadInput("no rights to write s3://bucket")


def test_a_store_that_refuses_ends_the_run(workbench: Any, make_engine: Engines) -> None:
    engine = make_engine()
    workbench.mirror = RefusingStore(engine)

    with pytest.raises(BadInput, match="no rights to write"):
        train(workbench.run(engine))


class KilledIn(DirectoryStore):
    """A store that does `number` operations more; the process is killed before the next, an upload half way."""

    def __init__(self, root: Path, number: int, killed: Any) -> None:
        super().__init__(root)
        self.left, self._killed, self.done = number, killed, 0

    def upload(self, source: Path, key: str, advance: Advance = unwatched) -> None:
        self._count()
        super().upload(source, key, advance)

    def delete(self, key: str) -> None:
        self._count()
        super().delete(key)

    def _count(self) -> None:
        self.done += 1
        self.left -= 1
        if self.left < 0:
            raise self._killed


class CountingMirror(Mirror):
    times = 0

    def hold(self, directories: Mapping[int, Path]) -> None:
        try:
            super().hold(directories)
        finally:
            self.times += 1


def run_with(store: DirectoryStore, workbench: Any, machine: str, engine: Any) -> Any:
    """Train on a machine that has nothing of its own; every step waits until the last state is in the store."""
    workbench.directory = workbench.directory.with_name(machine)
    workbench.mirror = mirror = CountingMirror(store, "key")
    take = engine.steps

    def take_steps(*arguments: Any) -> Any:
        while mirror.times < engine.calls.count("save"):
            threading.Event().wait(0.0005)
        return take(*arguments)

    engine.steps = take_steps
    return train(workbench.run(engine, checkpoint_every=2, evaluate_every=4))


def test_a_run_killed_in_any_operation_of_the_store_ends_like_one_that_was_not(
    workbench: Any, make_engine: Engines, killed: Any, tmp_path: Path
) -> None:
    whole, counting = make_engine(), KilledIn(tmp_path / "whole", 10_000, killed)
    expected = run_with(counting, workbench, "whole", whole)
    resumed_from: Dict[int, int] = {}

    for number in range(counting.done):
        store = KilledIn(tmp_path / f"store-{number}", number, killed)
        with pytest.raises(killed):
            run_with(store, workbench, f"first-{number}", make_engine())
        engine = make_engine()
        trained = run_with(DirectoryStore(tmp_path / f"store-{number}"), workbench, f"second-{number}", engine)
        resumed_from[number] = 12 - engine.calls.count("step")
        assert engine.weights.tobytes() == whole.weights.tobytes()
        assert trained.progress.loss_sum == expected.progress.loss_sum

    assert len(resumed_from) == counting.done == 46
    assert [resumed_from[number] for number in (0, 4, 5, 45)] == [0, 0, 2, 12]
    assert list(resumed_from.values()) == sorted(resumed_from.values())
