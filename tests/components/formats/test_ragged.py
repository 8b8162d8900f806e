from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from podtune.formats.ragged import Ragged, map_array, map_ragged, offsets_of, save_array


def test_rows_are_taken_in_the_order_asked_for() -> None:
    ragged = Ragged(np.array([1, 2, 3, 4, 5, 6]), np.array([0, 2, 2, 5, 6]))

    taken = ragged.take(np.array([3, 0, 1, 2, 0]))

    assert taken.values.tolist() == [6, 1, 2, 3, 4, 5, 1, 2]
    assert taken.offsets.tolist() == [0, 1, 3, 3, 6, 8]
    assert ragged.lengths.tolist() == [2, 0, 3, 1]
    assert ragged.row(2).tolist() == [3, 4, 5]
    assert len(ragged) == 4


def test_arrays_are_mapped_as_they_were_saved(tmp_path: Path) -> None:
    save_array(tmp_path, "tokens", Ragged(np.array([7, 8], dtype=np.uint16), np.array([0, 1, 2])))
    save_array(tmp_path, "start", np.array([1, 2], dtype=np.int32))

    assert sorted(path.name for path in tmp_path.iterdir()) == ["start.npy", "tokens.offsets.npy", "tokens.values.npy"]
    assert isinstance(map_array(tmp_path, "start"), np.memmap)
    assert map_ragged(tmp_path, "tokens").row(1).tolist() == [8]
    assert map_ragged(tmp_path, "tokens").values.dtype == np.uint16


@given(st.lists(st.lists(st.integers(0, 100), max_size=5), min_size=1, max_size=8), st.data())
def test_taking_rows_equals_indexing_lists(rows: "list[list[int]]", data: st.DataObject) -> None:
    ragged = Ragged(
        np.array([value for row in rows for value in row], dtype=np.int64), offsets_of(np.array([len(r) for r in rows]))
    )
    chosen = data.draw(st.lists(st.integers(0, len(rows) - 1), max_size=10))

    taken = ragged.take(np.array(chosen, dtype=np.int64))

    assert [taken.row(index).tolist() for index in range(len(chosen))] == [rows[index] for index in chosen]
