"""Real processes, real signals: whatever ends a run, the next one ends like a run that nothing disturbed."""

import json
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Callable, Dict

import pytest
from podtune.formats.checkpoint import CHECKPOINT

pytestmark = pytest.mark.local

Start = Callable[..., "subprocess.Popen[str]"]
PATIENCE = 120.0


@pytest.fixture(scope="module")
def training(training: Dict[str, Any]) -> Dict[str, Any]:
    """200 steps, enough to be caught in the middle."""
    return {**training, "epochs": 40, "checkpoint_every": 20, "learning_rate": 1e-3}


@pytest.fixture
def start(features: Path, base_model: Path, training: Dict[str, Any], tmp_path: Path) -> Start:
    """Start `python -m podtune finetune` in a directory of the given name, with a limit to the size of files."""

    def started(name: str, largest_file: int = resource.RLIM_INFINITY) -> "subprocess.Popen[str]":
        directory = tmp_path / name
        directory.mkdir(exist_ok=True)
        (directory / "training.json").write_text(json.dumps(training))
        places = {"checkpoint": directory / "checkpoint", "workspace": directory / "workspace"}
        given = {"prepared-data": features, "base-model": base_model, **places, "training": directory / "training.json"}
        process = subprocess.Popen(
            [sys.executable, "-m", "podtune", "finetune", *(f"--{name}={path}" for name, path in given.items())],
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            stderr=subprocess.PIPE,
            text=True,
        )
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (largest_file, largest_file))
        return process

    return started


@pytest.fixture(scope="module")
def undisturbed(features: Path, base_model: Path, training: Dict[str, Any], tmp_path_factory: Any) -> bytes:
    from podtune.steps.finetune.step import run

    directory = tmp_path_factory.mktemp("undisturbed")
    run(features, base_model, directory / "c", training=training, device="cpu", workspace=str(directory / "w"))
    return (directory / "c" / "model" / "model.safetensors").read_bytes()


def wait_for_checkpoint(directory: Path, number: int) -> None:
    """Wait until the run has written its checkpoint of that number, or a later one: it keeps the newest only."""
    until = time.monotonic() + PATIENCE
    while not any(int(name[5:]) >= number * 20 for name in checkpoints(directory)):
        assert time.monotonic() < until, "no checkpoint appears"
        time.sleep(0.01)


def checkpoints(directory: Path) -> "list[str]":
    return sorted(path.name for path in directory.glob("workspace/*/step-*"))


def test_a_signal_ends_a_run_with_its_state_saved(start: Start, undisturbed: bytes, tmp_path: Path) -> None:
    first = start("run")
    wait_for_checkpoint(tmp_path / "run", 2)
    first.send_signal(signal.SIGTERM)
    first.send_signal(signal.SIGTERM)
    _, told = first.communicate(timeout=PATIENCE)
    saved = checkpoints(tmp_path / "run")
    second = start("run")
    _, told_then = second.communicate(timeout=PATIENCE)

    assert first.returncode == 143
    assert told.splitlines()[-1].startswith("error: stopped after step ")
    assert told.splitlines()[-1].endswith(" of 200, whose checkpoint is saved; start again to continue from there")
    assert f"continuing after step {int(saved[-1][5:])}, from {tmp_path}/run/workspace/" in told_then
    assert second.returncode == 0
    assert (tmp_path / "run/checkpoint/model/model.safetensors").read_bytes() == undisturbed
    assert CHECKPOINT.open(tmp_path / "run/checkpoint").facts.resumed == 1
    assert checkpoints(tmp_path / "run") == ["step-00000180", "step-00000200"]


def test_a_killed_run_continues_from_its_newest_checkpoint(start: Start, undisturbed: bytes, tmp_path: Path) -> None:
    for number in (1, 3):
        process = start("run")
        wait_for_checkpoint(tmp_path / "run", number)
        process.kill()
        process.communicate()
    last = start("run")
    last.communicate(timeout=PATIENCE)

    assert last.returncode == 0
    assert (tmp_path / "run/checkpoint/model/model.safetensors").read_bytes() == undisturbed
    assert CHECKPOINT.open(tmp_path / "run/checkpoint").facts.resumed == 2
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == ["checkpoint", "training.json", "workspace"]


def test_a_full_disk_ends_a_run_and_loses_nothing(start: Start, undisturbed: bytes, tmp_path: Path) -> None:
    first = start("run")
    wait_for_checkpoint(tmp_path / "run", 2)
    first.kill()
    first.communicate()
    before = checkpoints(tmp_path / "run")

    full = start("run", largest_file=100_000)
    _, told = full.communicate(timeout=PATIENCE)
    after = checkpoints(tmp_path / "run")
    last = start("run")
    last.communicate(timeout=PATIENCE)

    assert full.returncode == 75
    assert told.splitlines()[-1].startswith("error: no space left to write ")
    assert after == before
    assert last.returncode == 0
    assert (tmp_path / "run/checkpoint/model/model.safetensors").read_bytes() == undisturbed


def test_bad_input_is_one_line(start: Start, training: Dict[str, Any], tmp_path: Path) -> None:
    training["batch_size"] = 64
    process = start("run")
    training["batch_size"] = 8
    _, told = process.communicate(timeout=PATIENCE)

    assert process.returncode == 2
    assert [line for line in told.splitlines() if line.startswith(("error", "Traceback"))] == [
        "error: there are 40 rows to train on, and one optimizer step takes 64 (training.batch_size); "
        "give more data or a smaller batch"
    ]
