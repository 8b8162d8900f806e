import numpy as np
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


def test_sequences_of_about_equal_length_form_a_group() -> None:
    lengths = [3, 9, 5, 1, 8]
    sequences = Sequences(torch.tensor([0, *np.cumsum(lengths)], dtype=torch.int32), lengths, None)

    found = [group.gathered.shape for group in sequences.groups]

    assert [tuple(shape) for shape in found] == [(2, 9), (1, 5), (1, 3), (1, 1)]
    assert [group.mask is None for group in sequences.groups] == [False, True, True, True]
