from typing import Callable

import pytest
import torch
from podtune.training.config import TrainingConfig
from podtune.training.engines.optimizer import MasterWeights, norm_of
from torch import nn


class Model(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(2)
        self.embedding = nn.Embedding(3, 2)
        self.linear = nn.Linear(2, 1)
        for parameter in self.parameters():
            nn.init.constant_(parameter, 1.0)


@pytest.fixture
def model() -> Model:
    return Model()


def test_biases_and_norms_do_not_decay(model: Model, config: Callable[..., TrainingConfig]) -> None:
    weights = MasterWeights(model, config(weight_decay=0.5), torch.float32)
    weights.start_sum()
    weights.finish_sum()

    weights.update(0.1, 0.0)

    values = {name: weight.flatten().tolist() for name, weight in weights.named().items()}
    assert values["embedding.weight"] == pytest.approx([0.95] * 6)
    assert values["linear.weight"] == pytest.approx([0.95] * 2)
    assert {name for name, weight in values.items() if set(weight) == {1.0}} == {
        "norm.weight",
        "norm.bias",
        "linear.bias",
    }


def test_gradients_of_two_passes_add_up_in_float32(model: Model, config: Callable[..., TrainingConfig]) -> None:
    weights = MasterWeights(model, config(), torch.bfloat16)
    weights.start_sum()

    for factor in (1.0, 2.0**-9):  # whose sum bfloat16 rounds to 1
        (model.linear.bias * factor).sum().backward()

    total = weights.finish_sum()
    assert total.dtype == torch.float32
    assert total.count_nonzero() == 1
    assert total.sum().item() == 1.001953125
    assert model.linear.bias.grad is None


def test_what_one_step_summed_does_not_reach_the_next(model: Model, config: Callable[..., TrainingConfig]) -> None:
    weights = MasterWeights(model, config(), torch.float32)
    model.linear.bias.sum().backward()
    weights.finish_sum()

    weights.start_sum()

    assert weights.finish_sum().count_nonzero() == 0


def test_a_long_gradient_is_shortened_to_the_norm(model: Model, config: Callable[..., TrainingConfig]) -> None:
    weights = MasterWeights(model, config(), torch.float32)
    weights.start_sum()
    (model.linear.weight * torch.tensor([3.0, 4.0])).sum().backward()
    weights.finish_sum()

    norm = weights.update(0.0, 1.0)

    assert norm.item() == 5.0
    assert sorted(weights.gradient.tolist())[-2:] == pytest.approx([0.6, 0.8])


def test_steps_smaller_than_the_models_precision_are_not_lost(
    model: Model, config: Callable[..., TrainingConfig]
) -> None:
    weights = MasterWeights(model, config(), torch.bfloat16)
    for _ in range(10):
        weights.start_sum()
        model.linear.bias.sum().backward()
        weights.finish_sum()
        weights.update(1e-3, 0.0)

    assert weights.named()["linear.bias"].item() == pytest.approx(0.99, abs=1e-5)
    assert model.linear.bias.item() == 0.98828125


def test_the_norm_of_a_gradient_of_lxmerts_size_is_exact() -> None:
    """One float32 sum over so many is up to 3.4 % too small on a CPU."""
    gradient = torch.full((228_000_000,), 1e-3)

    assert norm_of(gradient).item() == pytest.approx(15.099_669, rel=1e-4)
