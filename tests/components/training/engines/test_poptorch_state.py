"""What a run on IPUs continues from, as one mapping of tensors."""

import pytest
import torch

pytestmark = pytest.mark.usefixtures("poptorch_layer")

WEIGHTS = {"layer.weight": torch.tensor([[1.0, 2.0]], dtype=torch.float16)}
MOMENTS = {
    "ipu_state": {"Accl1___layer.weight": torch.tensor([[0.5, 0.25]])},
    "ipu_param": {"Step": torch.tensor(7)},
    "state": {},
    "param_groups": [{"lr": 0.1}],
}


def test_a_state_comes_back_with_the_new_runs_own_settings() -> None:
    from podtune.training.engines.poptorch_program import flatten_state, restore_state

    flat = flatten_state(WEIGHTS, MOMENTS, [42, 1, 2])

    saved = restore_state(flat, {"ipu_state": None, "ipu_param": None, "state": {}, "param_groups": [{"lr": 0.2}]})

    assert torch.equal(saved.weights["layer.weight"], WEIGHTS["layer.weight"])
    assert saved.optimizer["ipu_state"]["Accl1___layer.weight"].tolist() == [[0.5, 0.25]]
    assert int(saved.optimizer["ipu_param"]["Step"]) == 7
    assert saved.optimizer["param_groups"] == [{"lr": 0.2}]
    assert saved.generator == [42, 1, 2]


def test_before_the_first_step_there_are_weights_only() -> None:
    from podtune.training.engines.poptorch_program import flatten_state, restore_state

    flat = flatten_state(WEIGHTS, {"ipu_state": None, "ipu_param": None}, [])

    assert sorted(flat) == ["generator", "weights/layer.weight"]
    assert restore_state(flat, {}).optimizer == {}
    assert restore_state(flat, {}).generator == []
