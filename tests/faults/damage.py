"""Each file of each artifact damaged, for each step that reads it; objects of a store; states of a training."""

import os
import shutil
from functools import partial
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Callable, Dict, Iterator, List

from podtune.stores.opening import open_store

from faults.flow import STEPS, finished, step_of
from faults.inputs_of_tasks import TASKS
from faults.operations import at, kill, watch
from faults.points import Point
from faults.processes import ending_of
from faults.publishing import downloading, impatient, live_model, publishing
from faults.training import SETTINGS, finetuning, judge, make_ready

Damage = Callable[[Path], object]


def _rewrite(change: Callable[[bytes], bytes]) -> Damage:
    """Damage a file's content, not that of other links to it."""

    def damage(path: Path) -> None:
        content = change(path.read_bytes())
        path.unlink()
        path.write_bytes(content)

    return damage


def _flip(place: Callable[[int], int]) -> Damage:
    def flipped(content: bytes) -> bytes:
        data = bytearray(content or b"\0")
        data[place(len(data))] ^= 1
        return bytes(data)

    return _rewrite(flipped)


def _directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _dangling_link(path: Path) -> None:
    path.unlink()
    path.symlink_to("nothing")


DAMAGES: Dict[str, Damage] = {
    "is cut": _rewrite(lambda content: content[: len(content) // 2] if content else b"x"),
    "is empty": _rewrite(lambda content: b"" if content else b"x"),
    "has a byte more": _rewrite(lambda content: content + b"x"),
    "has its first bit flipped": _flip(lambda size: 0),
    "has a bit flipped": _flip(lambda size: size // 2),
    "has its last byte changed": _flip(lambda size: size - 1),
    "is another": _rewrite(lambda content: bytes(len(content)) or b"x"),
    "is missing": lambda path: path.unlink(),
    "is a directory": _directory,
    "is a dangling link": _dangling_link,
}


def damaged_artifact(folder: Path, *, task: str, step: str, artifact: str, file: str, damage: str) -> None:
    """A step whose input is damaged ends with 2, names it, and makes nothing."""
    impatient()
    made = finished(task)
    shutil.copytree(made[artifact], folder / artifact, copy_function=os.link)
    DAMAGES[damage](folder / artifact / file)
    (folder / "out").mkdir()
    ending = ending_of(step_of(step, task, {**made, artifact: folder / artifact}, folder / "out"))
    assert ending.code == 2, ending
    assert "Traceback" not in ending.told, ending
    assert str(folder / artifact) in ending.told, f"it names nothing: {ending}"
    output = STEPS[step][1]
    assert not (folder / "out" / output).exists()
    assert list((folder / "out").glob(".*")) == []


def artifacts(_: str) -> Iterator[Point]:
    """Each file of each input of each step of the three tasks, damaged in each way."""
    make_ready()
    for task, (step, (inputs, _output)) in product(TASKS, STEPS.items()):
        for artifact in inputs:
            found = finished(task)[artifact]
            files = sorted(path.relative_to(found).as_posix() for path in found.rglob("*") if path.is_file())
            for file, damage in product(files, DAMAGES):
                values = {"task": task, "step": step, "artifact": artifact, "file": file, "damage": damage}
                yield Point(f"{task}: {step} where {artifact}/{file} {damage}", partial(damaged_artifact, **values))


def damaged_store(folder: Path, *, number: int, damage: str, publishes: bool) -> None:
    """An object of a store is damaged: readers get nothing wrong, and who publishes heals or names it."""
    impatient()
    store = str(folder / "store")
    work = publishing(folder, "new", store)
    work()
    key = list(open_store(store).keys(""))[number]
    DAMAGES[damage](Path(store, key))
    ending = ending_of(work if publishes else downloading(store, folder / "to"))
    assert "Traceback" not in ending.told, ending
    assert ending.code in (0, 2, 4 if publishes else 2), ending
    if ending.code == 4:  # the champion that nothing can be compared with is one by now; a repeated run compares anew
        again = ending_of(publishing(folder, "new", store, "1"))
        assert again.code == 0, again
        assert live_model(store, folder) == "new"
    elif ending.code == 2:
        assert key in ending.told or "qa 1" in ending.told or "named qa" in ending.told, f"{key} is not named: {ending}"
        assert not (folder / "to").exists()
    elif publishes:
        assert live_model(store, folder) == "new"
    else:
        assert (folder / "to" / "model.safetensors").read_text() == "new"


def stores(_: str) -> Iterator[Point]:
    """Each object of a store with one release, for who downloads it and who publishes it again."""
    with TemporaryDirectory() as folder:
        publishing(Path(folder), "new", f"{folder}/store")()
        count = len(list(open_store(f"{folder}/store").keys("")))
    for number, damage, publishes in product(range(count), DAMAGES, (False, True)):
        trial = partial(damaged_store, number=number, damage=damage, publishes=publishes)
        yield Point(f"{'publish' if publishes else 'download'} where object {number} {damage}", trial)


def damaged_state(folder: Path, *, task: str, name: str, file: str, damage: str) -> None:
    """A damaged state is left out: training goes on from the one before, or begins, and ends alike."""
    impatient()
    killed = partial(watch, folder, at(70, kill))
    ending_of(finetuning(folder, task, name, str(folder / "workspace"), before=killed))
    states: List[Any] = sorted((folder / "workspace").glob("*/step-*"))
    assert states, "no state to damage"
    if (states[-1] / file).exists():
        DAMAGES[damage](states[-1] / file)
    judge(folder, task, name, str(folder / "workspace"))


_STATE = ("manifest.json", "log.jsonl", "engine/model.safetensors", "engine/optimizer.safetensors")


def states(_: str) -> Iterator[Point]:
    """Each file of the newest state of a training."""
    make_ready()
    for task, name, file, damage in product(TASKS, list(SETTINGS)[:3:2], _STATE, DAMAGES):
        trial = partial(damaged_state, task=task, name=name, file=file, damage=damage)
        yield Point(f"{task} with {name}: {file} of the newest state {damage}", trial)
