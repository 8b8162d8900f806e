"""A server that is away is waited for."""

import logging
from typing import List

import pytest
from podtune.errors import BadInput, TryAgainLater
from podtune.stores.retrying import patiently


class Clock:
    """Time that passes by sleeping only."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        monkeypatch.setattr("podtune.stores.retrying.time.monotonic", lambda: self.now)
        monkeypatch.setattr("podtune.stores.retrying.time.sleep", self._sleep)

    def _sleep(self, seconds: float) -> None:
        self.now += max(seconds, 0.001)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    monkeypatch.delenv("PODTUNE_OUTAGE", raising=False)
    return Clock(monkeypatch)


def away_until(clock: Clock, moment: float) -> "tuple[List[float], object]":
    tries: List[float] = []

    def request() -> str:
        tries.append(clock.now)
        if clock.now < moment:
            raise TryAgainLater("the store is away")
        return "here"

    return tries, request


def test_a_store_that_comes_back_within_ten_minutes_ends_nothing(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    tries, request = away_until(clock, 1000.0 + 540)

    with caplog.at_level(logging.WARNING):
        assert patiently(request) == "here"  # type: ignore[arg-type]

    assert [round(moment - 1000) for moment in tries[:6]] == [0, 2, 6, 14, 30, 60]
    assert caplog.messages[0] == "the store is away; waiting for it, up to 600 s more"


def test_one_that_stays_away_is_given_up(clock: Clock) -> None:
    tries, request = away_until(clock, 1e9)

    with pytest.raises(TryAgainLater, match=r"^the store is away$"):
        patiently(request)  # type: ignore[arg-type]

    assert 570 <= tries[-1] - 1000 <= 600


def test_a_step_that_is_to_stop_does_not_wait(clock: Clock) -> None:
    _, request = away_until(clock, 1e9)

    with pytest.raises(TryAgainLater):
        patiently(request, lambda: clock.now > 1003)  # type: ignore[arg-type]

    assert clock.now < 1005


def test_bad_input_is_not_waited_for(clock: Clock) -> None:
    def request() -> str:
        raise BadInput("there is no such bucket")

    with pytest.raises(BadInput):
        patiently(request)
    assert clock.now == 1000.0


@pytest.mark.parametrize(("value", "tries"), [("0", 1), ("5", 2)])
def test_the_environment_says_how_long(clock: Clock, monkeypatch: pytest.MonkeyPatch, value: str, tries: int) -> None:
    monkeypatch.setenv("PODTUNE_OUTAGE", value)
    tried, request = away_until(clock, 1e9)

    with pytest.raises(TryAgainLater):
        patiently(request)  # type: ignore[arg-type]

    assert len(tried) == tries


@pytest.mark.parametrize("value", ["ten", "-1", "inf", "nan"])
def test_a_wrong_time_is_named(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("PODTUNE_OUTAGE", value)

    with pytest.raises(BadInput, match=f"^PODTUNE_OUTAGE must be a number of seconds, at least 0; got '{value}'$"):
        patiently(lambda: "here")
