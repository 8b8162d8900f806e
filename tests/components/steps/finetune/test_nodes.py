"""Two nodes with a disk each, which share a store only: as two pods of a TrainJob have it."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Dict, List

import pytest
from podtune.formats.checkpoint import CHECKPOINT
from podtune.stores.opening import open_store
from podtune.stores.store import Store

pytestmark = pytest.mark.local

PATIENCE = 600.0


@dataclass
class Node:
    """A node, and what it left."""

    process: "subprocess.Popen[str]"
    disk: Path
    told: str = ""

    def end(self) -> int:
        self.told = self.process.communicate(timeout=PATIENCE)[1]
        return self.process.returncode

    @property
    def error(self) -> str:
        return [line for line in self.told.splitlines() if line.startswith("error: ")][-1]

    @property
    def weights(self) -> bytes:
        return (self.disk / "checkpoint" / "model" / "model.safetensors").read_bytes()


Start = Callable[..., List[Node]]


@pytest.fixture
def workspace(moto_server: Any, monkeypatch: pytest.MonkeyPatch) -> str:
    moto_server.use(monkeypatch)
    return f"s3://models/{uuid.uuid4().hex}"


@pytest.fixture
def start(features: Path, base_model: Path, workspace: str, moto_server: Any, tmp_path: Path) -> Start:
    """Start the step on fresh disks, with torchrun's variables as Kubeflow Trainer sets them."""

    def started(name: str, training: Dict[str, Any], nodes: int = 2) -> List[Node]:
        (tmp_path / "training.json").write_text(json.dumps(training))
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        found = []
        for rank in range(nodes):
            disk = tmp_path / name / str(rank)
            disk.mkdir(parents=True)
            given = {"prepared-data": features, "base-model": base_model, "training": tmp_path / "training.json"}
            places = {"checkpoint": disk / "checkpoint", "workspace": workspace}
            own = {"NNODES": nodes, "NODE_RANK": rank, "NPROC_PER_NODE": 1, "MASTER_ADDR": "127.0.0.1"}
            variables = {f"PET_{key}": str(value) for key, value in {**own, "MASTER_PORT": port}.items()}
            command = [sys.executable, "-m", "podtune", "finetune"]
            process = subprocess.Popen(
                [*command, *(f"--{option}={value}" for option, value in {**given, **places}.items())],
                env={**os.environ, **moto_server.environment(), **variables, "OMP_NUM_THREADS": "1"},
                stderr=subprocess.PIPE,
                text=True,
            )
            found.append(Node(process, disk))
        return found

    return started


def wait_for_state(store: Store, step: int) -> None:
    """Wait until the state of that step, or of a later one, is in the store."""
    until = time.monotonic() + PATIENCE
    while not any(int(state[5:]) >= step for state in states(store)):
        assert time.monotonic() < until, "no state appears"
        time.sleep(0.2)


def states(store: Store) -> List[str]:
    """Those that are complete."""
    parts = [key.split("/") for key in store.keys("")]
    return sorted(part[1] for part in parts if part[1].startswith("step-") and part[2:] == ["manifest.json"])


def test_nodes_that_were_stopped_continue_on_other_disks_and_on_one_node(
    start: Start, workspace: str, training: Dict[str, Any]
) -> None:
    # 400 steps; the score is perfect long before the last of them, so that all nodes load the state that is kept
    settings = {**training, "epochs": 80, "evaluate_every": 40, "best_metric": "f1", "dropout": 0.0}
    store = open_store(workspace)

    first = start("first", settings)
    wait_for_state(store, 40)
    first[1].process.send_signal(signal.SIGTERM)
    ends = [node.end() for node in first]
    stopped_at = states(store)[-1]
    second = start("second", settings)
    continued = [node.end() for node in second]

    assert ends == [143, 143], first
    assert [f"error: stopped after step {int(stopped_at[5:])} of 400" in node.error for node in first] == [True, True]
    assert continued == [0, 0], second
    assert f"continuing after step {int(stopped_at[5:])}, from {second[0].disk}" in second[0].told
    facts = CHECKPOINT.open(second[0].disk / "checkpoint").facts
    assert facts.resumed == 1
    assert facts.kept_step < facts.steps == 400
    assert [sorted(path.name for path in node.disk.iterdir()) for node in second] == [["checkpoint"], []]

    (alone,) = start("alone", settings, nodes=1)

    assert alone.end() == 0, alone.told
    assert "continuing after step 400" in alone.told
    assert alone.weights == second[0].weights


def test_a_node_that_is_lost_is_no_failure_of_the_others(
    start: Start, workspace: str, training: Dict[str, Any]
) -> None:
    nodes = start("lost", {**training, "epochs": 4000})
    wait_for_state(open_store(workspace), 8)

    for process in _all_of(nodes[1]):
        process.kill()
    ends = [node.end() for node in nodes]

    assert ends == [75, -signal.SIGKILL]
    assert nodes[0].error == "error: another node of this training was lost or not reached; start again, it continues"


def test_bad_input_is_that_on_every_node(start: Start, training: Dict[str, Any]) -> None:
    nodes = start("bad", {**training, "batch_size": 64})

    assert [node.end() for node in nodes] == [2, 2]
    assert [node.error.partition(",")[0] for node in nodes] == ["error: there are 40 rows to train on"] * 2


def _all_of(node: Node) -> List[Any]:
    import psutil

    process = psutil.Process(node.process.pid)
    return [process, *process.children(recursive=True)]
