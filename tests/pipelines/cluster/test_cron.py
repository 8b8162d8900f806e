from datetime import datetime
from typing import List

import pytest
from podtune.errors import BadInput
from podtune_pipelines.cluster.cron import in_words, next_times, parse_cron

NOW = datetime(2026, 11, 25, 16, 0)  # a Wednesday


def following(expression: str, count: int = 3) -> List[str]:
    return [f"{time:%Y-%m-%d %H:%M:%S}" for time in next_times(parse_cron(expression), NOW, count)]


def test_five_fields_are_given_a_second_first() -> None:
    assert parse_cron("0 3 * * 1").expression == "0 0 3 * * 1"


def test_six_fields_stay_as_they_are() -> None:
    assert parse_cron("30 0 3 * * mon-fri").expression == "30 0 3 * * MON-FRI"


def test_the_next_times_are_in_order() -> None:
    assert following("0 3 * * 1") == ["2026-11-30 03:00:00", "2026-12-07 03:00:00", "2026-12-14 03:00:00"]


def test_a_time_that_is_now_comes_next_time() -> None:
    assert following("0 16 * * *", 1) == ["2026-11-26 16:00:00"]


def test_steps_lists_ranges_and_names() -> None:
    assert following("*/30 8-9,17 * JAN,NOV wed", 4) == [
        "2026-11-25 17:00:00",
        "2026-11-25 17:30:00",
        "2027-01-06 08:00:00",
        "2027-01-06 08:30:00",
    ]


def test_a_step_after_a_number_runs_to_the_end() -> None:
    assert following("40/10 16 * * *") == ["2026-11-25 16:40:00", "2026-11-25 16:50:00", "2026-11-26 16:40:00"]


def test_either_day_is_enough_where_both_are_given() -> None:
    assert following("0 3 1 * MON") == ["2026-11-30 03:00:00", "2026-12-01 03:00:00", "2026-12-07 03:00:00"]


def test_both_days_have_to_match_where_one_is_starred() -> None:
    # robfig/cron keeps the star of */2, as Vixie's cron does
    assert following("0 3 */2 * MON") == ["2026-12-07 03:00:00", "2026-12-21 03:00:00", "2027-01-11 03:00:00"]


def test_a_leap_day_is_found() -> None:
    assert following("0 0 29 2 ?", 1) == ["2028-02-29 00:00:00"]


def test_a_day_that_never_comes_is_refused() -> None:
    with pytest.raises(BadInput) as raised:
        following("0 0 30 2 *")

    assert str(raised.value) == "--cron must match some time; 0 0 0 30 2 * matches none in the next five years"


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("0 3 * *", "--cron must have five fields .*; got 4 in "),
        ("60 3 * * *", "the minutes of --cron must be \\*, or 0-59, .*; got '60'"),
        ("0 3 0 * *", "the day of month of --cron must be \\*, or 1-31, .*; got '0'"),
        ("0 3 * * 7", "the day of week of --cron must be \\*, or 0-6 or SUN-SAT, .*; got '7'"),
        ("0 3 L * *", "the day of month .*; got 'L'"),
        ("0 3 * * 1#2", "the day of week .*; got '1#2'"),
        ("0 3 5-2 * *", "the day of month .*; got '5-2'"),
        ("0 */0 * * *", "the hours .*; got '\\*/0'"),
        ("0 3 1,,2 * *", "the day of month .*; got ''"),
        ("0 3 * FEBR *", "the month of --cron must be \\*, or 1-12 or JAN-DEC, .*; got 'FEBR'"),
        ("0 3 * * *; rm", "the month .*; got .\\*;."),
        ("0 ٣ * * *", "the hours .*; got '٣'"),
        ("@daily", "--cron must have five fields .*; got 1 in '@daily'"),
    ],
)
def test_what_the_scheduler_does_not_take_is_refused(expression: str, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        parse_cron(expression)


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("* * * * *", "every minute"),
        ("*/2 * * * *", "every 2 minutes"),
        ("0 * * * *", "every hour"),
        ("0 */2 * * *", "every 2 hours"),
        ("0 */6 * * 0", "every 6 hours on Sundays"),
        ("15 * * * *", "at minute 15 of every hour"),
        ("30 2 * * *", "at 02:30 UTC every day"),
        ("0 3 * * 1", "at 03:00 UTC on Mondays"),
        ("0 6,18 * * *", "at 06:00 and 18:00 UTC every day"),
        ("0 3 * * MON-FRI", "at 03:00 UTC on Mondays to Fridays"),
        ("0 3 1,15 * *", "at 03:00 UTC on days 1 and 15 of the month"),
        ("0 3 1 * 1", "at 03:00 UTC on day 1 of the month and on Mondays"),
        ("0 3 */15 * 1", "at 03:00 UTC on days 1, 16 and 31 of the month if it is a Monday"),
        ("0 3 1-31 * 1", "at 03:00 UTC every day"),
        ("0 0 1 JAN-MAR,JUL *", "at 00:00 UTC on day 1 of the month in January to March and July"),
        ("0 3 * 6 *", "at 03:00 UTC every day in June"),
        ("* 8-17 * * *", "every minute of hours 8 to 17 UTC"),
        ("0 8-18 * * 1-5", "at minute 0 of hours 8 to 18 UTC on Mondays to Fridays"),
        ("1-50/7 * * * *", "at minutes 1, 8, 15, 22, 29, 36, 43 and 50 of every hour"),
        ("30 0 3 * * *", "at 03:00:30 UTC every day"),
        ("0,30 0 3 * * *", "at minute 0 of hour 3 UTC, at seconds 0 and 30 every day"),
        ("5 */10 * * * *", "every 10 minutes, at second 5"),
    ],
)
def test_an_expression_is_told_in_words(expression: str, words: str) -> None:
    assert in_words(parse_cron(expression)) == words


@pytest.mark.parametrize("expression", [f"{'9' * 5_000} 3 * * 1", f"*/{'9' * 5_000} 3 * * 1"], ids=["value", "step"])
def test_thousands_of_digits_are_refused(expression: str) -> None:
    with pytest.raises(BadInput, match=r"^the minutes of --cron must be "):
        parse_cron(expression)
