"""Steps and epochs as versions of the Trainer log them; the numbers are those of public cards."""

from typing import List, Optional

import pytest
from podtune_pipelines.card_check.course import Course
from podtune_pipelines.card_check.printed_numbers import read_number


def course_of(rows: str, accumulation: int) -> Course:
    numbers = [[read_number(number, 1) for number in row.split("@")] for row in rows.split()]
    return Course(tuple((step, epoch) for step, epoch in numbers if step and epoch), accumulation)


@pytest.mark.parametrize(
    ("rows", "accumulation"),
    [
        # The rest of an epoch is dropped: 332 batches, 335 that do not fill a step
        ("83@0.99 166@1.99 249@2.99 332@3.99 415@4.99", 4),
        ("5@0.91 10@1.91 15@2.91 50@9.91", 4),
        ("200@6.65 400@13.33 600@19.98 800@26.65", 64),
        # It is carried over into the next epoch
        ("5@1.57 10@3.29 15@4.86 20@6.57 25@8.29 30@9.86", 2),
        ("100@0.66 200@1.32 300@1.98 400@2.65 500@3.31", 16),
        # It makes a smaller step
        ("3@1.0 6@2.0 9@3.0", 4),
        ("1@0.8 2@1.0 3@1.8 4@2.0", 4),
        # 99 of 200 is 0.495, printed as 0.49
        ("99@0.49 198@0.99 297@1.48 396@1.98 495@2.48 594@2.97 693@3.46", 1),
    ],
)
def test_every_version_of_the_trainer_is_right(rows: str, accumulation: int) -> None:
    course = course_of(rows, accumulation)

    assert course.batches
    assert course.contradiction() is None


@pytest.mark.parametrize(
    ("rows", "accumulation", "told"),
    [
        ("230@0.67 460@1.53 690@2.0", 1, ["230", "0.67", "460", "1.53"]),
        ("500@0.09 3500@0.62 4000@2.13", 4, ["500", "0.09", "4000", "2.13"]),
        ("30469@1.0 304690@10.0 304700@20.0", 1, ["30469", "1.0", "304700", "20.0"]),
    ],
)
def test_two_rows_of_different_runs_are_shown(rows: str, accumulation: int, told: List[str]) -> None:
    pair = course_of(rows, accumulation).contradiction()

    assert pair is not None
    assert [number.text for row in pair for number in row] == told


@pytest.mark.parametrize(
    ("rows", "accumulation", "batches"),
    [
        ("250@1.0 500@2.0 750@3.0", 1, range(250, 251)),
        ("83@1.0 166@2.0", 4, range(329, 336)),
        ("230@0.67 460@1.33 690@2.0", 1, range(344, 349)),
        ("1@0.0", 1, None),
    ],
)
def test_a_table_bounds_the_batches_an_epoch(rows: str, accumulation: int, batches: Optional[range]) -> None:
    assert course_of(rows, accumulation).batches == batches
