"""Both ways to attend without padding, against torch's attention on each sequence alone, in float64."""

from typing import Callable, Iterable, List, Optional

import numpy as np
import pytest
import torch
from podtune.training.engines.attention import attend_in_groups, attend_in_spans, attend_to_context
from podtune.training.engines.sequences import RowNoise, Sequences
from rounding import roundings
from torch.nn.functional import scaled_dot_product_attention

LENGTHS = [3, 9, 5, 1, 8]
Streams = List[torch.Tensor]
Attend = Callable[..., torch.Tensor]


def attend_by_row(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    dropout: float,
    sequences: Sequences,
    *,
    causal: bool = False,
    window: Optional[int] = None,
) -> torch.Tensor:
    return attend_in_spans(query, key, value, dropout, sequences.self_attention(causal=causal, window=window))


@pytest.fixture(autouse=True)
def small_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that these few tokens make several."""
    monkeypatch.setattr("podtune.training.engines.sequences._GROUP_TOKENS", 1)


@pytest.fixture
def sequences() -> Sequences:
    offsets = torch.tensor([0, *np.cumsum(LENGTHS)], dtype=torch.int32)
    return Sequences(offsets, LENGTHS, RowNoise(0, 0, range(len(LENGTHS))))


@pytest.fixture
def streams() -> List[torch.Tensor]:
    """Scaled query, key and value: 2 heads, 26 tokens, width 4."""
    torch.manual_seed(0)
    return [torch.randn(2, sum(LENGTHS), 4, requires_grad=True) for _ in range(3)]


def assert_close(found: Iterable[torch.Tensor], exact: Iterable[torch.Tensor]) -> None:
    """Within rounding of float64's result: 4 products, 9 exponentials, 9 products, and the same backwards."""
    for one, other in zip(found, exact):
        assert one.dtype == torch.float32
        torch.testing.assert_close(one.double(), other, rtol=0, atol=roundings(44, float(other.detach().abs().max())))


def exact(streams: Streams) -> Streams:
    """The same values in float64, whose own rounding is negligible; torch's float32 result is itself 8e-7 off."""
    return [stream.detach().double().requires_grad_() for stream in streams]


def one_by_one(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, *, causal: bool = False) -> torch.Tensor:
    parts = zip(*(stream.split(LENGTHS, dim=1) for stream in (query, key, value)))
    attended = [scaled_dot_product_attention(q, k, v, is_causal=causal, scale=1.0) for q, k, v in parts]
    return torch.cat(attended, dim=1).transpose(0, 1)


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("attend", [attend_by_row, attend_in_groups])
def test_sequences_attend_to_themselves_alone(
    attend: Attend, streams: Streams, sequences: Sequences, causal: bool
) -> None:
    found = attend(*streams, 0.0, sequences, causal=causal)

    assert_close([found], [one_by_one(*exact(streams), causal=causal)])


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("attend", [attend_by_row, attend_in_groups])
def test_gradients_are_autograds(attend: Attend, streams: Streams, sequences: Sequences, causal: bool) -> None:
    weights = torch.randn(26, 2, 4)
    doubles = exact(streams)
    expected = torch.autograd.grad((one_by_one(*doubles, causal=causal) * weights).sum(), doubles)

    found = torch.autograd.grad((attend(*streams, 0.0, sequences, causal=causal) * weights).sum(), streams)

    assert_close(found, expected)


@pytest.mark.parametrize("attend", [attend_by_row, attend_in_groups])
@pytest.mark.parametrize("window", [2, 4, 8])
def test_a_window_hides_what_is_farther_away(
    attend: Attend, streams: Streams, sequences: Sequences, window: int
) -> None:
    weights, doubles = torch.randn(26, 2, 4), exact(streams)
    expected = in_windows(*doubles, window=window)

    found = attend(*streams, 0.0, sequences, causal=False, window=window)

    assert_close([found], [expected])
    assert_close(
        torch.autograd.grad((found * weights).sum(), streams), torch.autograd.grad((expected * weights).sum(), doubles)
    )


def in_windows(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, *, window: int) -> torch.Tensor:
    """Each token attends to those of its sequence that are fewer than `window` positions away, one by one."""
    attended, starts = [], np.cumsum([0, *LENGTHS])
    for start, end in zip(starts, starts[1:]):
        for token in range(start, end):
            near = slice(max(start, token - window + 1), min(end, token + window))
            scores = (query[:, token, None] * key[:, near]).sum(-1)
            attended.append((scores.softmax(-1)[..., None] * value[:, near]).sum(1))
    return torch.stack(attended)


def attend_to_own_part(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, dropout: float, sequences: Sequences
) -> torch.Tensor:
    return attend_in_spans(query, key, value, dropout, sequences.cross_attention(key.shape[1]))


@pytest.mark.parametrize("attend", [attend_to_own_part, attend_to_context])
def test_a_row_of_several_sequences_attends_to_its_own_part_of_the_context(attend: Attend, streams: Streams) -> None:
    offsets = torch.tensor([0, *np.cumsum(LENGTHS)], dtype=torch.int32)
    sequences = Sequences(offsets, LENGTHS, None, firsts=[0, 2, 3, 5])  # rows of 12, 5 and 9 tokens
    torch.manual_seed(1)
    context = [torch.randn(2, 3 * 7, 4, requires_grad=True) for _ in range(2)]
    weights, given = torch.randn(26, 2, 4), [streams[0], *context]
    doubles = exact(given)
    parts = zip(doubles[0].split([12, 5, 9], dim=1), *(stream.split(7, dim=1) for stream in doubles[1:]))
    expected = torch.cat([(q @ k.transpose(1, 2)).softmax(-1) @ v for q, k, v in parts], dim=1).transpose(0, 1)

    found = attend(*given, 0.0, sequences)

    assert_close([found], [expected])
    assert_close(
        torch.autograd.grad((found * weights).sum(), given), torch.autograd.grad((expected * weights).sum(), doubles)
    )


def test_gradients_with_dropout_are_those_of_its_masks(sequences: Sequences) -> None:
    def attend(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
        noise = RowNoise(0, 0, range(len(LENGTHS)))  # the same masks at every call
        return attend_by_row(query, key, value, 0.4, Sequences(sequences.offsets, LENGTHS, noise)).sum(0)

    torch.manual_seed(0)
    streams = [torch.randn(2, 26, 4, dtype=torch.float64, requires_grad=True) for _ in range(3)]

    assert torch.autograd.gradcheck(attend, streams, fast_mode=True)


def test_dropout_drops_whole_weights(sequences: Sequences) -> None:
    query, key = torch.zeros(2, 26, 4), torch.zeros(2, 26, 4)

    found = attend_by_row(query, key, torch.ones(2, 26, 4), 0.5, sequences)

    weights = found[3:12] * 9 / 2  # of the second sequence: weights of 1/9, doubled where they are kept
    assert torch.equal(weights, weights.round())
    assert 2 < weights.mean() < 7
