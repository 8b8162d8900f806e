"""Two processes on one CPU, as two GPUs would be used."""

import shutil
from pathlib import Path
from typing import Any, Callable, Dict

import numpy as np
import pytest
from podtune.errors import BadInput, Interrupted
from podtune.formats.checkpoint import CHECKPOINT, read_log
from podtune.formats.facts import open_facts
from podtune.steps.finetune.step import run
from podtune.training.step_process import run_step
from podtune.training.torchrun import standalone
from rounding import roundings
from safetensors.numpy import load_file

pytestmark = pytest.mark.local

TwoProcesses = Callable[..., Path]


@pytest.fixture(autouse=True)
def _one_thread_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


@pytest.fixture
def in_two_processes(features: Path, base_model: Path, tmp_path: Path) -> TwoProcesses:
    def finetuned(
        training: Dict[str, Any], stopping: Callable[[], bool] = lambda: False, features: Path = features
    ) -> Path:
        places = {"prepared_data": features, "base_model": base_model, "checkpoint": tmp_path / "two"}
        places["checkpoint_facts"] = tmp_path / "facts"
        arguments = {**places, "training": training, "workspace": tmp_path / "workspace", "device": "cpu"}
        run_step(standalone(2), "finetune", arguments, stopping)
        return tmp_path / "two"

    return finetuned


def weights(checkpoint: Path) -> Dict[str, np.ndarray]:
    return load_file(checkpoint / "model" / "model.safetensors")


def test_two_processes_find_the_weights_that_one_finds(
    in_two_processes: TwoProcesses, features: Path, base_model: Path, training: Dict[str, Any], tmp_path: Path
) -> None:
    # AdamW turns a gradient that is zero but for rounding, as that of the head's bias, into whole steps of random
    # sign; an epsilon above the rounding keeps it zero
    settings = {**training, "dropout": 0.0, "epsilon": 1e-4, "evaluate_every": 10, "best_metric": "f1"}
    run(features, base_model, tmp_path / "one", training=settings, device="cpu", workspace=str(tmp_path / "w"))

    two = in_two_processes(settings)

    one, both = weights(tmp_path / "one"), weights(two)
    assert one.keys() == both.keys()
    assert max(float(np.abs(one[name] - both[name]).max()) for name in one) < 1e-5
    for ours, theirs in zip(read_log(two), read_log(tmp_path / "one")):
        for name in {"loss", "evaluation"} & (ours.keys() | theirs.keys()):
            assert ours[name] == pytest.approx(theirs[name], rel=roundings(160))
    assert open_facts(CHECKPOINT, tmp_path / "facts").digest == CHECKPOINT.open(two).digest
    assert len(list(tmp_path.glob("workspace/*/step-00000020"))) == 1


def test_two_processes_stop_together_and_continue(
    in_two_processes: TwoProcesses, training: Dict[str, Any], tmp_path: Path
) -> None:
    # Long enough to be stopped on a fast machine, and every checkpoint stays to be seen
    settings = {**training, "epochs": 80, "dropout": 0.0, "checkpoint_every": 40, "keep_checkpoints": 100}
    undisturbed = weights(in_two_processes(settings))
    shutil.rmtree(tmp_path / "workspace")

    with pytest.raises(Interrupted, match=r"stopped after step \d+ of 400, whose checkpoint is saved"):
        in_two_processes(settings, lambda: bool(list(tmp_path.glob("workspace/*/step-00000040"))))
    continued = in_two_processes(settings)

    assert CHECKPOINT.open(continued).facts.resumed == 1
    assert all(np.array_equal(array, undisturbed[name]) for name, array in weights(continued).items())


def test_damaged_features_are_refused_although_only_one_process_reads_them_all(
    in_two_processes: TwoProcesses, features: Path, training: Dict[str, Any], tmp_path: Path
) -> None:
    shutil.copytree(features, tmp_path / "features")
    tokens = tmp_path / "features" / "train" / "tokens.values.npy"
    tokens.write_bytes(tokens.read_bytes()[:-1] + b"\1")

    with pytest.raises(BadInput, match=r"tokens\.values\.npy is corrupted"):
        in_two_processes(training, features=tmp_path / "features")

    assert not (tmp_path / "two").exists()


def test_what_makes_the_processes_fail_is_raised_here(
    in_two_processes: TwoProcesses, training: Dict[str, Any], tmp_path: Path
) -> None:
    with pytest.raises(BadInput, match="there are 40 rows to train on, and one optimizer step takes 64"):
        in_two_processes({**training, "batch_size": 64})

    assert not (tmp_path / "two").exists()
