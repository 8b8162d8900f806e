import pytest
from podtune.steps.compare.paired import (
    Paired,
    chance_of_an_equal_model,
    examples_for,
    smallest_shown,
    spread_of,
)


@pytest.mark.parametrize(
    ("low", "high", "finding"),
    [
        (0.01, 2.0, "better"),
        (0.0, 2.0, "not worse"),
        (-1.0, 0.5, "not worse"),
        (-0.9, -0.1, "not worse"),
        (-1.01, -0.01, "worse"),
        (-3.0, -2.0, "worse"),
        (-1.01, 0.0, "too few examples to tell"),
        (-3.0, 3.0, "too few examples to tell"),
    ],
)
def test_four_words(low: float, high: float, finding: str) -> None:
    assert Paired((low + high) / 2, low, high, tolerance=1.0, examples=500).finding == finding


def test_the_smallest_difference_is_two_point_eight_standard_errors() -> None:
    assert Paired(0.0, -1.96, 1.96, tolerance=1.0, examples=500).smallest == pytest.approx(2.8016)
    assert smallest_shown(spread=30.0, examples=900) == pytest.approx(2.8016)
    assert spread_of(smallest=2.8016, examples=900) == pytest.approx(30.0)


def test_half_the_difference_takes_four_times_the_examples() -> None:
    assert examples_for(tolerance=1.5, smallest=3.0, examples=500) == 2000


@pytest.mark.parametrize(("tolerance", "chance"), [(2.8016, 0.8), (1.96, 0.5), (0.0, 0.025)])
def test_how_likely_an_equal_model_passes_with_a_standard_error_of_one(tolerance: float, chance: float) -> None:
    assert chance_of_an_equal_model(tolerance, smallest=2.8016) == pytest.approx(chance, abs=1e-3)


def test_examples_that_never_differ_let_an_equal_model_pass() -> None:
    assert chance_of_an_equal_model(tolerance=0.0, smallest=0.0) == 1.0
