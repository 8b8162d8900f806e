from typing import Tuple

import pytest
import torch
from podtune.training.engines.linear import CopyingLinear, copy_before_multiplying
from torch import nn


@pytest.mark.parametrize("shape", [(3, 5), (5, 3)])
@pytest.mark.parametrize("bias", [True, False])
def test_gradients_are_autograds(shape: Tuple[int, int], bias: bool) -> None:
    linear = nn.Linear(*shape, bias=bias)
    stream, weights = torch.randn(1, 7, shape[0], requires_grad=True), torch.randn(1, 7, shape[1])
    variables = [stream, *linear.parameters()]
    expected = torch.autograd.grad((linear(stream) * weights).sum(), variables)

    found = torch.autograd.grad((CopyingLinear(linear)(stream) * weights).sum(), variables)

    for one, other in zip(found, expected):
        torch.testing.assert_close(one, other)


def test_a_models_parameters_keep_their_names() -> None:
    model = nn.Sequential(nn.Linear(2, 3), nn.Sequential(nn.Linear(3, 2, bias=False)))
    before = dict(model.named_parameters())

    copy_before_multiplying(model)

    assert [type(module) for module in model.modules()].count(CopyingLinear) == 2
    assert all(weight is before[name] for name, weight in model.named_parameters())
    assert list(before) == ["0.weight", "0.bias", "1.0.weight"]
