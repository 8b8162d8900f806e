import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from podtune.tasks.bootstrap import interval_of_mean, interval_of_value


def test_the_interval_is_as_wide_as_theory_says() -> None:
    values = np.repeat([0.0, 100.0], [300, 700])

    low, high = interval_of_mean(values, 4000, seed=1)

    assert low == pytest.approx(70 - 2.84, abs=0.2)  # 1.96 standard errors of a share of 0.7 over 1,000
    assert high == pytest.approx(70 + 2.84, abs=0.2)


def test_the_same_seed_gives_the_same_interval_and_another_one_another() -> None:
    values = np.arange(50.0)

    assert interval_of_mean(values, 200, seed=3) == interval_of_mean(values, 200, seed=3)
    assert interval_of_mean(values, 200, seed=3) != interval_of_mean(values, 200, seed=4)


def test_a_value_that_is_no_mean_is_computed_over_each_resampling() -> None:
    wins, games = np.repeat([3.0, 0.0], 50), np.repeat([4.0, 1.0], 50)  # 150 of 250 games are won

    low, high = interval_of_value(lambda rows: wins[rows].sum() / games[rows].sum(), 100, 500, seed=1)

    assert 0.5 < low < 0.6 < high < 0.7


def test_large_data_is_drawn_piece_by_piece() -> None:
    values = np.tile([0.0, 1.0], 600_000)

    low, high = interval_of_mean(values, 3, seed=0)

    assert 0.495 < low < high < 0.505


def test_pairing_removes_what_two_models_share() -> None:
    difficulty = np.random.default_rng(0).uniform(0, 90, 500)

    low, high = interval_of_mean((difficulty + 1.0) - difficulty, 200, seed=0)

    assert (low, high) == pytest.approx((1.0, 1.0))


@given(value=st.floats(0, 100), count=st.integers(1, 20), samples=st.integers(1, 5))
def test_equal_values_leave_no_doubt(value: float, count: int, samples: int) -> None:
    assert interval_of_mean(np.full(count, value), samples, seed=0) == pytest.approx((value, value))
