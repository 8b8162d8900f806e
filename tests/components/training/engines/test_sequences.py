import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from podtune.training.engines.sequences import Sequences, cut


def test_pieces_hold_at_most_so_many_tokens() -> None:
    pieces = cut(np.array([2, 0, 1, 3]), np.array([4, 3, 5, 3]), 9)

    assert [piece.tolist() for piece in pieces] == [[2, 0], [1, 3]]


def test_a_longer_row_stands_alone() -> None:
    pieces = cut(np.array([0, 1, 2]), np.array([3, 20, 3]), 9)

    assert [piece.tolist() for piece in pieces] == [[0], [1], [2]]


def test_no_rows_make_no_piece() -> None:
    assert not list(cut(np.array([], dtype=np.int64), np.array([3]), 9))


@given(lengths=st.lists(st.integers(1, 50), min_size=1, max_size=40), tokens=st.integers(1, 120))
def test_every_row_is_in_one_piece(lengths: "list[int]", tokens: int) -> None:
    order = np.arange(len(lengths))

    pieces = list(cut(order, np.array(lengths), tokens))

    assert np.concatenate(pieces).tolist() == order.tolist()
    assert all(len(piece) == 1 or sum(lengths[row] for row in piece) <= tokens for piece in pieces)


def stream_of(lengths: "list[int]") -> Sequences:
    return Sequences(torch.tensor([0, *np.cumsum(lengths)], dtype=torch.int32), lengths, None)


def test_sequences_of_about_equal_length_form_a_group(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("podtune.training.engines.sequences._GROUP_TOKENS", 1)

    found = stream_of([3, 9, 5, 1, 8]).in_groups.groups

    assert [(group.sequences, group.longest) for group in found] == [(2, 9), (1, 5), (1, 3), (1, 1)]
    assert [group.mask is None for group in found] == [False, True, True, True]


def test_no_group_but_the_last_is_small() -> None:
    found = stream_of([384] * 5 + [200] * 7 + [100] * 11 + [50] * 13).in_groups.groups

    # 5 × 384 tokens are fewer than 2048, with one of 200 they are enough; so are 6 × 200 only with 9 × 100
    assert [(group.sequences, group.longest) for group in found] == [(6, 384), (15, 200), (15, 100)]


@given(lengths=st.lists(st.integers(1, 50), min_size=1, max_size=40))
def test_a_padded_stream_comes_back(lengths: "list[int]") -> None:
    stream = torch.arange(sum(lengths)) + 1
    for padding in (stream_of(lengths).in_groups, stream_of(lengths).in_rows):
        padded = stream[padding.gathered]

        assert len(padded) == sum(padding.sizes)
        assert torch.equal(padded[padding.kept], stream)
