import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from podtune.tasks.visual_question_answering.region_store import to_half

SMALLEST = 2.0**-14
"""Below it float16 loses digits."""


@given(arrays("<f4", 64, elements=st.floats(-65504, 65504, width=32)))
def test_values_are_rounded_as_numpy_does(values: np.ndarray) -> None:
    found, expected = to_half(values), values.astype(np.float16)

    exact = (np.abs(values) >= SMALLEST) | (values == 0)
    assert found.dtype == np.float16
    assert found[exact].tobytes() == expected[exact].tobytes()
    assert np.abs(found.astype(np.float64) - values).max() <= np.abs(expected.astype(np.float64) - values).max() + 1e-11


def test_every_float16_stays_what_it_is() -> None:
    every = np.arange(1 << 16, dtype=np.uint32).astype(np.uint16).view(np.float16)
    finite = every[np.isfinite(every)]

    assert to_half(finite.astype(np.float32)).tobytes() == finite.tobytes()


def test_ties_go_to_the_even() -> None:
    between = np.array([1 + 2**-11, 1 + 3 * 2**-11, -1 - 2**-11], dtype=np.float32)

    assert to_half(between).tolist() == [1.0, 1 + 2**-9, -1.0]
