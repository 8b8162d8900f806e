from typing import Tuple

import numpy as np
import pytest
import torch
from podtune.training.engines.layers import (
    CopyingLinear,
    RowDropout,
    copy_before_multiplying,
    draw_by_row,
    draw_multipliers,
    set_dropout,
    threshold_and_scale,
)
from podtune.training.engines.sequences import RowNoise, Sequences, running
from torch import nn


def sequences(*lengths: int, places: "tuple[int, ...]") -> Sequences:
    offsets = torch.tensor([0, *np.cumsum(lengths)], dtype=torch.int32)
    return Sequences(offsets, list(lengths), RowNoise(1, 2, places))


@pytest.mark.parametrize(
    ("precision", "probability", "threshold", "scale"),
    [
        (torch.float32, 0.25, 16384, 1.3333333730697632),
        (torch.float32, 0.1, 6554, 1.1111111640930176),
        (torch.bfloat16, 0.1, 6461, 1.109375),
    ],
)
def test_the_scale_is_a_number_of_the_precision_and_the_probability_follows(
    precision: torch.dtype, probability: float, threshold: int, scale: float
) -> None:
    assert threshold_and_scale(probability, precision) == (threshold, scale)


@pytest.mark.parametrize(("precision", "scale"), [(torch.float32, 1.1111111640930176), (torch.bfloat16, 1.109375)])
def test_a_tenth_is_dropped_and_the_mean_is_kept(precision: torch.dtype, scale: float) -> None:
    found = draw_multipliers(RowNoise(1, 2, (0, 1)), [200_000, 800_000], 0.1, precision)

    assert found.dtype == precision
    assert set(found.unique().tolist()) == {0.0, scale}
    assert (found == 0).float().mean().item() == pytest.approx(0.1, abs=0.002)
    assert found.float().mean().item() == pytest.approx(1.0, abs=0.001)


def test_a_rows_mask_does_not_depend_on_the_rows_beside_it() -> None:
    dropout = RowDropout(0.5)
    with running(sequences(3, 2, places=(7, 4))):
        together = dropout(torch.ones(1, 5, 8))

    with running(sequences(2, places=(4,))):
        alone = dropout(torch.ones(1, 2, 8))

    assert torch.equal(together[:, 3:], alone)
    assert 0 < alone.count_nonzero() < 16


def test_a_rows_mask_is_the_same_in_rows_of_equal_length_and_beside_other_rows() -> None:
    dropout = RowDropout(0.5)
    with running(sequences(3, 2, places=(7, 4))):
        together = dropout(torch.ones(2, 6, 8))

    with running(sequences(2, places=(4,))):
        alone = dropout(torch.ones(1, 6, 8))

    assert torch.equal(together[1:], alone)
    assert 0 < alone.count_nonzero() < 48


def test_a_row_of_several_sequences_draws_from_one_stream() -> None:
    dropout, offsets = RowDropout(0.5), torch.tensor([0, 3, 5, 9], dtype=torch.int32)
    with running(Sequences(offsets, [3, 2, 4], RowNoise(1, 2, (7, 4)), firsts=[0, 2, 3])):
        several = dropout(torch.ones(1, 9, 8))

    with running(sequences(5, 4, places=(7, 4))):
        single = dropout(torch.ones(1, 9, 8))

    assert torch.equal(several, single)


def test_one_site_after_the_other_draws_anew() -> None:
    dropout = RowDropout(0.5)

    with running(sequences(4, places=(0,))):
        first, second = dropout(torch.ones(1, 4, 16)), dropout(torch.ones(1, 4, 16))

    assert not torch.equal(first, second)


def test_evaluation_drops_nothing() -> None:
    assert torch.equal(RowDropout(0.5).eval()(torch.ones(1, 4, 16)), torch.ones(1, 4, 16))


def test_every_dropout_of_a_model_is_replaced_and_set() -> None:
    model = nn.Sequential(nn.Dropout(0.1), nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.3)))

    draw_by_row(model)
    found = [module.p for module in model.modules() if isinstance(module, RowDropout)]
    set_dropout(model, 0.2)

    assert found == [0.1, 0.3]
    assert [module.p for module in model.modules() if isinstance(module, RowDropout)] == [0.2, 0.2]


@pytest.mark.parametrize("shape", [(3, 5), (5, 3)])
@pytest.mark.parametrize("bias", [True, False])
def test_gradients_of_a_linear_layer_are_autograds(shape: Tuple[int, int], bias: bool) -> None:
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
