from pathlib import Path
from typing import Callable

import pytest
import torch
from podtune.errors import BadInput
from podtune.training.config import TrainingConfig
from podtune.training.engines import states
from podtune.training.engines.optimizer import MasterWeights
from safetensors import SafetensorError
from torch import nn


@pytest.fixture
def weights(config: Callable[..., TrainingConfig]) -> MasterWeights:
    torch.manual_seed(0)
    return MasterWeights(nn.Linear(3, 2), config(), torch.float32)


def save(weights: MasterWeights, directory: Path) -> None:
    states.save_state(weights.state(), weights.layout(), directory)


def test_a_state_is_safetensors_and_json(weights: MasterWeights, tmp_path: Path) -> None:
    save(weights, tmp_path / "state")

    assert sorted(path.name for path in (tmp_path / "state").iterdir()) == ["optimizer.json", "optimizer.safetensors"]


def test_a_state_comes_back_bit_for_bit(weights: MasterWeights, tmp_path: Path) -> None:
    saved = {name: tensor.normal_().clone() for name, tensor in weights.state().items()}
    save(weights, tmp_path)
    for tensor in weights.state().values():
        tensor.zero_()

    weights.continue_from(states.load_state(weights.layout(), tmp_path))

    assert all(torch.equal(tensor, saved[name]) for name, tensor in weights.state().items())


def test_a_state_says_how_its_numbers_were_rounded(tmp_path: Path) -> None:
    states.save_state({}, [], tmp_path, states.Rounding(threads=2, processes=4, precision="bfloat16"))

    assert states.load_rounding(tmp_path) == (2, 4, "bfloat16")
    assert states.load_rounding(tmp_path / "of an earlier version") == (0, 0, "")


def test_a_state_of_an_earlier_version_says_its_threads_alone(tmp_path: Path) -> None:
    (tmp_path / "division.json").write_text('{"threads": 2, "processes": 4}\n')

    assert states.load_rounding(tmp_path) == (2, 4, "")


@pytest.mark.parametrize("damaged", ["optimizer.json", "optimizer.safetensors"])
def test_a_damaged_state_is_refused(weights: MasterWeights, tmp_path: Path, damaged: str) -> None:
    save(weights, tmp_path)
    (tmp_path / damaged).write_bytes(b"{")

    with pytest.raises(BadInput, match="cannot read the training state in"):
        states.load_state(weights.layout(), tmp_path)


def test_a_full_disk_is_an_operating_systems_error(
    weights: MasterWeights, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)")

    monkeypatch.setattr(states, "save_file", refuse)

    with pytest.raises(OSError, match=r"\[Errno 28\] No space left on device: '.*optimizer.safetensors'"):
        save(weights, tmp_path)


def test_weights_that_are_not_finite_are_never_written(tmp_path: Path) -> None:
    weights = {"encoder.weight": torch.ones(2), "head.bias": torch.tensor([1.0, float("inf")])}

    with pytest.raises(BadInput) as refused:
        states.save_model(nn.Linear(1, 1), weights, tmp_path / "model")

    assert str(refused.value) == (
        "1 of 2 trained weights, such as head.bias, are not finite: "
        "train again, with a lower learning rate or in float32"
    )
    assert not (tmp_path / "model").exists()
