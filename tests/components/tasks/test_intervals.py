from typing import List, Optional, Tuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from podtune.tasks.intervals import (
    design_effect,
    interval_of_difference,
    interval_of_mean,
    interval_of_value,
    interval_title,
    student,
)


def test_the_interval_is_as_wide_as_theory_says() -> None:
    values = np.repeat([0.0, 100.0], [300, 700])

    low, high = interval_of_mean(values)

    assert low == pytest.approx(70 - 2.84, abs=0.01)  # 1.96 standard errors of a share of 0.7 over 1,000
    assert high == pytest.approx(70 + 2.84, abs=0.01)


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [(0, (90.96, 100.0)), (1, (88.15, 100.0)), (25, (36.3, 63.7)), (50, (0.0, 9.04))],
)
def test_fifty_examples_have_agresti_and_coulls_interval_but_for_students_factor(
    wrong: int, expected: Tuple[float, float]
) -> None:
    scores = np.repeat([0.0, 100.0], [wrong, 50 - wrong])

    assert interval_of_mean(scores, highest=100.0) == pytest.approx(expected, abs=0.35)


def test_of_pairs_that_never_differ_one_in_a_few_dozen_may() -> None:
    low, high = interval_of_difference(np.zeros(100), highest=100.0)

    assert (low, high) == pytest.approx((-2.75, 2.75), abs=0.02)  # Bonett and Price: 1.98 x sqrt(2) / 102


def test_pairing_removes_what_two_models_share() -> None:
    difficulty = np.random.default_rng(0).uniform(0, 90, 500)

    assert interval_of_difference((difficulty + 1.0) - difficulty) == pytest.approx((1.0, 1.0))


def test_examples_that_are_alike_within_their_groups_are_one_observation_each() -> None:
    scores, groups = np.repeat([0.0, 100.0] * 20, 25), np.repeat(np.arange(40), 25)

    grouped, alone = interval_of_mean(scores, groups), interval_of_mean(scores)

    assert design_effect(scores, groups) == pytest.approx(25.6, abs=0.1)  # 25, and 40 groups in place of 1,000 examples
    assert grouped == pytest.approx(interval_of_mean(np.array([0.0, 100.0] * 20)))
    assert grouped[1] - grouped[0] > 5 * (alone[1] - alone[0])


def test_groups_that_are_alike_change_little() -> None:
    scores, groups = np.tile([0.0, 100.0, 100.0, 100.0], 250), np.repeat(np.arange(250), 4)

    assert design_effect(scores, groups) == 1.0
    assert interval_of_mean(scores, np.arange(1000), highest=100.0) == interval_of_mean(scores, highest=100.0)


def test_one_group_alone_is_none() -> None:
    scores = np.array([0.0, 100.0, 50.0])

    assert interval_of_mean(scores, np.array([7, 7, 7])) == interval_of_mean(scores)


def test_a_higher_level_is_wider() -> None:
    change = np.arange(100.0) - 40

    low, high = interval_of_difference(change, level=0.95)
    lower, higher = interval_of_difference(change, level=0.999)

    assert lower < low < high < higher


@pytest.mark.parametrize(("freedom", "factor"), [(3, 3.182), (4, 2.776), (9, 2.262), (47, 2.012), (10_000, 1.960)])
def test_students_factor_is_the_tables(freedom: int, factor: float) -> None:
    assert student(0.95, freedom) == pytest.approx(factor, rel=0.01)


def test_a_value_that_is_no_mean_is_computed_over_each_resampling() -> None:
    wins, games = np.repeat([3.0, 0.0], 50), np.repeat([4.0, 1.0], 50)  # 150 of 250 games are won

    low, high = interval_of_value(lambda rows: wins[rows].sum() / games[rows].sum(), 100, 500, seed=1)

    assert 0.5 < low < 0.6 < high < 0.7


@pytest.mark.parametrize(("grouped_by", "title"), [("", "95% interval"), ("article", "95% interval by article")])
def test_an_interval_is_called_by_what_it_takes_account_of(grouped_by: str, title: str) -> None:
    assert interval_title(grouped_by) == title


SCORES = st.lists(st.tuples(st.floats(0, 100), st.integers(0, 5)), min_size=1, max_size=60)


@given(scored=SCORES, grouped=st.booleans())
def test_every_interval_is_in_the_range_has_a_width_and_holds_the_mean(
    scored: List[Tuple[float, int]], grouped: bool
) -> None:
    scores = np.array([score for score, _ in scored])
    groups: Optional[np.ndarray] = np.array([group for _, group in scored]) if grouped else None

    low, high = interval_of_mean(scores, groups, highest=100.0)

    assert 0.0 <= low <= scores.mean() + 1e-9
    assert scores.mean() - 1e-9 <= high <= 100.0
    assert high - low > 2.0


@given(scored=SCORES)
def test_the_names_and_the_order_of_groups_do_not_matter(scored: List[Tuple[float, int]]) -> None:
    scores, groups = np.array([score for score, _ in scored]), np.array([group for _, group in scored])

    renamed = interval_of_mean(scores[::-1], (17 - 3 * groups)[::-1], highest=100.0)

    assert renamed == pytest.approx(interval_of_mean(scores, groups, highest=100.0))
