"""Training that is killed or stopped anywhere: the next try ends with the bytes of a run that nothing disturbed."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from functools import lru_cache, partial
from itertools import product
from pathlib import Path
from typing import Any, Dict, Iterator, List, NamedTuple, Sequence, Tuple

import psutil
from podtune.formats.checkpoint import CHECKPOINT, read_log
from podtune.sections import to_mapping
from podtune.stores.opening import open_store
from podtune.training import resume

from faults import s3
from faults.inputs_of_tasks import TASKS, prepared, section
from faults.operations import at, kill, limit_files, note, stop, watch
from faults.points import Point
from faults.processes import Ending, Work, ended, ending_of, started, step, warm
from faults.publishing import impatient

INPUTS = Path(tempfile.gettempdir()) / f"podtune-faults-inputs-{os.getpid()}"
"""Where this run of the matrix keeps what all its points share."""

PLAIN = {
    "epochs": 3,
    "max_steps": 4,
    "batch_size": 8,
    "learning_rate": 1e-3,
    "precision": "float32",
    "dropout": 0.1,
    "log_every": 2,
    "checkpoint_every": 1,
}
SETTINGS: Dict[str, Dict[str, Any]] = {
    "dropout": {},
    "accumulation": {"micro_batch_tokens": 256},
    "best weights": {"evaluate_every": 2, "best_metric": "METRIC"},
    "kept last batch": {"last_batch": "kept", "batch_size": 20},
    "device iterations": {"device_iterations": 2},
}
"""What changes a run's course; with dropout all of them."""

_OF_THE_RUN = ("seconds", "examples_per_second")


class Result(NamedTuple):
    """What two runs of the same work have in common to the last bit."""

    digest: str
    log: List[Dict[str, Any]]
    facts: Dict[str, Any]
    weights: bytes


def settings_of(task: str, name: str) -> Dict[str, Any]:
    """A training section."""
    values = {**PLAIN, **SETTINGS[name]}
    return {key: TASKS[task]["metric"] if value == "METRIC" else value for key, value in values.items()}


def finetuning(folder: Path, task: str, name: str, workspace: str, *, before: Work = lambda: None) -> Work:
    """The work of training in a folder."""
    made = prepared(INPUTS, task)
    options = {
        "prepared_data": made["prepared_data"],
        "base_model": made["base_model"],
        "checkpoint": folder / "checkpoint",
        "training": section(folder, "training", settings_of(task, name)),
        "workspace": workspace,
    }
    return step("finetune", options, before=before)


def result_of(checkpoint: Path) -> Result:
    """What a Checkpoint holds that no interruption may change."""
    opened = CHECKPOINT.open(checkpoint)
    facts = to_mapping(opened.facts)
    for name in ("seconds", "resumed", "hardware", "finished"):
        facts.pop(name)
    lines = [{name: value for name, value in line.items() if name not in _OF_THE_RUN} for line in read_log(checkpoint)]
    return Result(opened.digest, lines, facts, (checkpoint / "model" / "model.safetensors").read_bytes())


def undisturbed(task: str, name: str, processes: int = 1) -> Path:
    """The Checkpoint of a run that nothing disturbed, made once."""
    folder = INPUTS / task / f"{name} {processes}"
    if not (folder / "checkpoint").exists():
        folder.mkdir(parents=True)
        endings = _trained(folder, task, name, str(folder / "workspace"), processes)
        assert {ending.code for ending in endings} == {0}, endings
    return folder / "checkpoint"


def _trained(
    folder: Path, task: str, name: str, workspace: str, processes: int, *, before: Sequence[Work] = ()
) -> List[Ending]:
    """Train in one process, or in several as torchrun would start them; how each ended."""
    befores = [*before, *[lambda: None] * processes][:processes]
    if processes == 1:
        return [ending_of(finetuning(folder, task, name, workspace, before=befores[0]))]
    with socket.socket() as free, tempfile.TemporaryDirectory() as told:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        places = [Path(told, str(rank)) for rank in range(processes)]
        works = [  # all before any begins, because each writes the settings' file
            finetuning(folder, task, name, workspace, before=partial(_as_rank, rank, processes, port, one))
            for rank, one in enumerate(befores)
        ]
        return _watched({started(work, place): place for work, place in zip(works, places)})


def _as_rank(rank: int, count: int, port: int, before: Work) -> None:
    values = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": count, "LOCAL_WORLD_SIZE": count, "MASTER_PORT": port}
    os.environ.update({name: str(value) for name, value in values.items()}, MASTER_ADDR="127.0.0.1")
    before()


def _watched(running: Dict[int, Path]) -> List[Ending]:
    """Wait for processes; where one fails, the others are ended soon after, as torchrun does."""
    endings, failed = [], 0.0  # type: List[Ending], float
    while running:
        for process in list(running):
            found = os.waitid(os.P_PID, process, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            if found:
                endings.append(ended(process, running.pop(process)))
                failed = failed or (time.monotonic() if endings[-1].code else 0.0)
            elif failed and time.monotonic() > failed + 5:
                os.kill(process, signal.SIGKILL)
        time.sleep(0.01)
    return endings


def judge(folder: Path, task: str, name: str, workspace: str, *, processes: int = 1) -> None:
    """Start again: it ends like the undisturbed run, and nothing is left behind."""
    endings = _trained(folder, task, name, workspace, processes)
    assert [ending.code for ending in endings] == [0] * processes, endings
    found, wanted = result_of(folder / "checkpoint"), result_of(undisturbed(task, name, processes))
    for what in Result._fields:
        assert getattr(found, what) == getattr(wanted, what), f"another {what}"
    names = {path.name for path in folder.iterdir()}
    assert names <= {"checkpoint", "workspace", "training.json"}, names
    drafts = [str(path) for path in folder.rglob(".*")]
    assert drafts == [], drafts


def interrupted(folder: Path, *, task: str, name: str, numbers: Sequence[int], ends: str, processes: int = 1) -> None:
    """Interrupt training at some operations, one try after the other, then let it end."""
    impatient()
    act = {"killed": kill, "stopped": stop}[ends]
    for number in numbers:
        hit = [partial(watch, folder, at(number, act))] * processes
        endings = _trained(folder, task, name, str(folder / "workspace"), processes, before=hit)
        assert {ending.code for ending in endings} <= {0, 1, -9, 143}, endings
        assert processes > 1 or endings[0].code in (0, -9 if ends == "killed" else 143), endings
        assert processes > 1 or "Traceback" not in endings[0].told, endings
    judge(folder, task, name, str(folder / "workspace"), processes=processes)


def torn(folder: Path, *, task: str, name: str, size: int) -> None:
    """Kill training in the middle of a write: no file grows beyond a size."""
    impatient()
    work = finetuning(folder, task, name, str(folder / "workspace"), before=partial(limit_files, size, kills=True))
    ending = ending_of(work)
    assert ending.code in (0, -signal.SIGXFSZ), ending
    judge(folder, task, name, str(folder / "workspace"))


def interrupted_upload(folder: Path, *, server: str, task: str, name: str, number: int, after: bool) -> None:
    """Kill training at one request of its workspace in a store; another machine goes on."""
    impatient()
    resume._LEASE_SECONDS = 0.3
    workspace = s3.use(server)
    (folder / "machine").mkdir()
    (folder / "another").mkdir()
    hit = partial(s3.at_request, number, lambda: kill(""), after=after)
    ending = ending_of(finetuning(folder / "machine", task, name, workspace, before=hit))
    assert ending.code in (0, -9), ending
    judge(folder / "another", task, name, workspace)
    left = [key for key in open_store(workspace).keys("") if "/step-" not in key]
    assert left == [], left
    steps = {key.split("/")[1] for key in open_store(workspace).keys("")}
    assert len(steps) <= 3, steps


def under_torchrun(folder: Path, *, task: str, number: int, rank: int) -> None:
    """Kill one of two processes of a real torchrun: nothing lives on, and the next try ends alike."""
    impatient()
    made, name = prepared(INPUTS, task), "dropout"
    options = {
        "prepared-data": made["prepared_data"],
        "base-model": made["base_model"],
        "checkpoint": folder / "checkpoint",
        "training": section(folder, "training", settings_of(task, name)),
        "workspace": folder / "workspace",
    }
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", "-m", "podtune"]
    given = ["finetune", *(f"--{option}={value}" for option, value in options.items())]
    process = subprocess.Popen([*command, *given], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    while process.poll() is None and len(list(folder.glob("workspace/*/step-*"))) < number:
        time.sleep(0.005)

    workers = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
    victims = [worker for worker in workers if worker.environ().get("RANK") == str(rank)]
    for victim in victims or workers[:1]:
        victim.kill()
    process.wait()
    _, alive = psutil.wait_procs(workers, timeout=20)
    assert alive == [], f"orphans: {alive}"
    judge(folder, task, name, str(folder / "workspace"), processes=2)


@lru_cache
def make_ready() -> None:
    """Make what all points share, and import once what each would import."""
    os.environ["OMP_NUM_THREADS"] = "1"
    impatient()
    for task in TASKS:
        prepared(INPUTS, task)
        with tempfile.TemporaryDirectory() as folder:
            warm([finetuning(Path(folder), task, "best weights", f"{folder}/workspace")])
    for task, name in product(TASKS, SETTINGS):
        undisturbed(task, name)


def operations_of(task: str, name: str) -> int:
    """How many file operations a run makes that change something."""
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as elsewhere:
        count = Path(elsewhere, "count")
        hit = partial(watch, Path(folder), note(count))
        assert ending_of(finetuning(Path(folder), task, name, f"{folder}/workspace", before=hit)).code == 0
        return len(count.read_text().splitlines())


def kills(_: str) -> Iterator[Point]:
    """Every file operation killed, every fifth asked to stop, pairs of kills, and torn writes."""
    make_ready()
    for task, name in product(TASKS, SETTINGS):
        count = operations_of(task, name)
        for number in range(1, count + 1):
            tries: List[Tuple[str, Tuple[int, ...]]] = [("killed", (number,))]
            if number % 5 == 0:
                tries += [("stopped", (number,)), ("killed", (number, count - number + 1, number // 2 + 1))]
            for ends, numbers in tries:
                trial = partial(interrupted, task=task, name=name, numbers=numbers, ends=ends)
                yield Point(f"{task} with {name}: {ends} at operations {numbers}", trial)
        for size in (0, 100, 1_000, 10_000, 50_000, 100_000, 200_000, 300_000, 500_000):
            trial = partial(torn, task=task, name=name, size=size)
            yield Point(f"{task} with {name}: killed in a write after {size} bytes", trial)


def upload_kills(server: str) -> Iterator[Point]:
    """Every request of a workspace in a store, before it and after it."""
    make_ready()
    for task, name in product(TASKS, ("dropout", "best weights")):
        for number, after in product(range(1, 61), (False, True)):
            trial = partial(interrupted_upload, server=server, task=task, name=name, number=number, after=after)
            yield Point(f"{task} with {name}: killed {'after' if after else 'before'} request {number}", trial)


def process_kills(_: str) -> Iterator[Point]:
    """Two processes as torchrun starts them: every file operation of the first, which alone writes."""
    make_ready()
    for task, name in product(TASKS, ("dropout", "best weights", "kept last batch")):
        undisturbed(task, name, 2)
        count = operations_of(task, name)
        for number in range(1, count + 1):
            trial = partial(interrupted, task=task, name=name, numbers=(number,), ends="killed", processes=2)
            yield Point(f"{task} with {name} in two processes: killed at operation {number}", trial)


def torchrun_kills(_: str) -> Iterator[Point]:
    """Real torchrun, one of its two processes killed."""
    make_ready()
    for task, number, rank in product(TASKS, (1, 2, 3), (0, 1)):
        undisturbed(task, "dropout", 2)
        trial = partial(under_torchrun, task=task, number=number, rank=rank)
        yield Point(f"{task} under torchrun: process {rank} killed after {number} states", trial)
