"""Both ways to attend without padding, against torch's attention on each sequence alone."""

from typing import Callable, List

import numpy as np
import pytest
import torch
from podtune.training.engines.gpu_attention import attend_in_groups
from podtune.training.engines.noise import RowNoise
from podtune.training.engines.row_attention import attend_by_row
from podtune.training.engines.sequences import Sequences

LENGTHS = [3, 9, 5, 1, 8]
Attend = Callable[..., torch.Tensor]


@pytest.fixture
def sequences() -> Sequences:
    offsets = torch.tensor([0, *np.cumsum(LENGTHS)], dtype=torch.int32)
    return Sequences(offsets, LENGTHS, RowNoise(0, 0, range(len(LENGTHS))))


@pytest.fixture
def streams() -> List[torch.Tensor]:
    """Scaled query, key and value: 2 heads, 26 tokens, width 4."""
    torch.manual_seed(0)
    return [torch.randn(2, sum(LENGTHS), 4, requires_grad=True) for _ in range(3)]


def one_by_one(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
    parts = zip(*(stream.split(LENGTHS, dim=1) for stream in (query, key, value)))
    return torch.cat([(q @ k.transpose(1, 2)).softmax(-1) @ v for q, k, v in parts], dim=1).transpose(0, 1)


@pytest.mark.parametrize("attend", [attend_by_row, attend_in_groups])
def test_sequences_attend_to_themselves_alone(
    attend: Attend, streams: List[torch.Tensor], sequences: Sequences
) -> None:
    found = attend(*streams, 0.0, sequences)

    torch.testing.assert_close(found, one_by_one(*streams), rtol=0, atol=1e-6)


@pytest.mark.parametrize("attend", [attend_by_row, attend_in_groups])
def test_gradients_are_autograds(attend: Attend, streams: List[torch.Tensor], sequences: Sequences) -> None:
    weights = torch.randn(26, 2, 4)
    expected = torch.autograd.grad((one_by_one(*streams) * weights).sum(), streams)

    found = torch.autograd.grad((attend(*streams, 0.0, sequences) * weights).sum(), streams)

    for one, other in zip(found, expected):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-6)


def test_gradients_with_dropout_are_those_of_its_masks(sequences: Sequences) -> None:
    def attend(*streams: torch.Tensor) -> torch.Tensor:
        noise = RowNoise(0, 0, range(len(LENGTHS)))  # the same masks at every call
        return attend_by_row(*streams, 0.4, Sequences(sequences.offsets, LENGTHS, noise)).sum(0)

    torch.manual_seed(0)
    streams = [torch.randn(2, 26, 4, dtype=torch.float64, requires_grad=True) for _ in range(3)]

    assert torch.autograd.gradcheck(attend, streams, fast_mode=True)


def test_dropout_drops_whole_weights(sequences: Sequences) -> None:
    query, key = torch.zeros(2, 26, 4), torch.zeros(2, 26, 4)

    found = attend_by_row(query, key, torch.ones(2, 26, 4), 0.5, sequences)

    places = found[3:12] * 9 / 2  # of the second sequence: weights of 1/9, doubled where they are kept
    assert torch.equal(places, places.round())
    assert 2 < places.mean() < 7


def test_sequences_of_about_equal_length_form_a_group(sequences: Sequences) -> None:
    found = [group.gathered.shape for group in sequences.groups]

    assert [tuple(shape) for shape in found] == [(2, 9), (1, 5), (1, 3), (1, 1)]
    assert [group.mask is None for group in sequences.groups] == [False, True, True, True]
