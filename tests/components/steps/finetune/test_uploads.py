"""Real kills while states go to an S3 server: the next try ends like a run that nothing disturbed."""

import json
import os
import random
import subprocess
import sys
import time
import uuid
from pathlib import Path
from typing import Any, Callable, Dict

import pytest
from podtune.stores.opening import open_store

pytestmark = pytest.mark.local

KILLS = int(os.environ.get("PODTUNE_TEST_KILLS", "2"))

FINETUNE = """
import podtune.training.resume
podtune.training.resume._LEASE_SECONDS = 0.4
from podtune.__main__ import main
main()
"""
"""The step, but a dead process's lease is lost sooner."""


@pytest.fixture
def start(
    features: Path, base_model: Path, training: Dict[str, Any], tmp_path: Path, moto_server: Any
) -> "Callable[..., subprocess.Popen[str]]":
    """Start the step on a new machine, over a workspace in the store."""
    (tmp_path / "training.json").write_text(json.dumps(training))

    def started(machine: str, workspace: str) -> "subprocess.Popen[str]":
        given = {"prepared-data": features, "base-model": base_model, "training": tmp_path / "training.json"}
        places = {"checkpoint": tmp_path / machine / "checkpoint", "workspace": workspace}
        options = [f"--{name}={path}" for name, path in {**given, **places}.items()]
        environment = {**os.environ, **moto_server.environment(), "OMP_NUM_THREADS": "1"}
        command = [sys.executable, "-c", FINETUNE, "finetune", *options]
        return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)

    return started


@pytest.fixture(scope="module")
def training(training: Dict[str, Any]) -> Dict[str, Any]:
    """60 steps, each of which ends with a state for the store."""
    return {**training, "epochs": 12, "checkpoint_every": 1, "learning_rate": 1e-3}


def weights(directory: Path) -> bytes:
    return (directory / "checkpoint" / "model" / "model.safetensors").read_bytes()


def test_a_run_killed_at_any_moment_of_an_upload_ends_like_one_that_was_not(
    start: Callable[..., "subprocess.Popen[str]"],
    moto_server: Any,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    moto_server.use(monkeypatch)
    workspace = f"s3://models/{uuid.uuid4().hex}"
    undisturbed = start("undisturbed", f"{workspace}/undisturbed")
    assert undisturbed.communicate()[1]
    moments = random.Random(17)
    continued = set()

    for number in range(KILLS):
        machine, place = f"killed-{number}", f"{workspace}/{number}"
        killed, store = start(machine, place), open_store(place)
        while killed.poll() is None and not any("/step-" in key for key in store.keys("")):
            time.sleep(0.005)
        time.sleep(moments.uniform(0.0, 0.3))
        killed.kill()
        killed.communicate()
        again = start(machine + "-again", place)
        _, told = again.communicate()
        assert again.returncode == 0, told
        continued.add("continuing after step" in told)

        assert weights(tmp_path / (machine + "-again")) == weights(tmp_path / "undisturbed")
        assert [key for key in store.keys("") if key.endswith("/lease")] == []

    assert continued >= {True}
