from typing import Any, List

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from podtune.errors import BadInput
from podtune.formats.ragged import Batch
from podtune.training.config import TrainingConfig
from podtune.training.fixed_shapes import PackedRows, pack, pack_rows, pad_rows, require_room, scatter, token_indices
from podtune.training.ipu import IpuConfig


class Words:
    """Examples of these lengths, each token made of its example and its position."""

    def __init__(self, *lengths: int) -> None:
        self.lengths = np.array(lengths)

    def __len__(self) -> int:
        return len(self.lengths)

    def names(self, rows: np.ndarray) -> List[str]:
        return [str(row) for row in rows]

    def batch(self, rows: np.ndarray) -> Batch:
        tokens = np.concatenate([10 * row + np.arange(self.lengths[row]) for row in rows])
        return Batch(np.cumsum([0, *self.lengths[rows]]), {"tokens": tokens}, {"name": rows})


def test_the_longest_come_first_into_the_fullest_row_with_room() -> None:
    assert pack(np.array([3, 7, 2, 5, 8]), width=10, most=3) == [[4, 2], [1, 0], [3]]


def test_no_more_share_a_row_than_allowed() -> None:
    assert pack(np.array([1, 1, 1, 1, 1]), width=10, most=2) == [[0, 1], [2, 3], [4]]


@given(st.lists(st.integers(1, 40), max_size=60), st.integers(1, 5))
def test_every_example_is_in_one_row_and_no_row_overflows(lengths: List[int], most: int) -> None:
    packs = pack(np.array(lengths, dtype=np.int64), width=40, most=most)

    assert sorted(index for members in packs for index in members) == list(range(len(lengths)))
    assert all(sum(lengths[index] for index in members) <= 40 for members in packs)
    assert all(1 <= len(members) <= most for members in packs)


def packed_rows(rows: int = 3) -> PackedRows:
    """Three examples in two rows of the three."""
    return pack_rows(Words(2, 3, 1), [[1, 2], [0]], rows)


def test_examples_lie_in_their_rows_one_after_the_other() -> None:
    rows = packed_rows()

    filled = scatter(rows.batch.streams["tokens"], token_indices(rows, 5), rows, 5)

    assert filled.tolist() == [[10, 11, 12, 20, 0], [0, 1, 0, 0, 0], [0, 0, 0, 0, 0]]


def test_a_row_that_is_too_short_is_an_error() -> None:
    with pytest.raises(
        BadInput, match=r"training\.ipu\.row_tokens is 3; a row of the features has 4: raise it or prepare"
    ):
        token_indices(packed_rows(), 3)


def test_columns_are_filled_up_with_zeros() -> None:
    rows = pack_rows(Words(2, 3), [[1], [0]], 3)

    assert pad_rows(rows.batch.columns["name"], rows).tolist() == [1, 0, 0]
    assert pad_rows(np.ones((2, 2)), rows).tolist() == [[1, 1], [1, 1], [0, 0]]


def settings(gradient_accumulation: int) -> Any:
    ipu = IpuConfig((1,), row_tokens=10, gradient_accumulation=gradient_accumulation, packing=3)
    return TrainingConfig(epochs=2, batch_size=4, learning_rate=1.0, ipu=ipu), ipu


def test_the_fullest_batch_of_a_run_is_known_before_it_starts() -> None:
    lengths = np.array([9, 9, 9, 9, 1, 1, 1, 1])

    assert require_room(lengths, *settings(4)) == 3


def test_a_batch_that_does_not_fit_is_refused_before_the_run() -> None:
    lengths = np.array([9, 9, 9, 9, 1, 1, 1, 1])

    with pytest.raises(BadInput, match=r"takes 3 rows, and an optimizer step has 2; .*accumulation to at least 3"):
        require_room(lengths, *settings(2))
