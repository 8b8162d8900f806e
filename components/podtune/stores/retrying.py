"""Requests that a server or the network fails are repeated, after pauses that grow."""

import logging
import random
import time
from typing import Callable, TypeVar

from podtune.environment import OUTAGE
from podtune.errors import BadInput, TryAgainLater

Result = TypeVar("Result")

ATTEMPTS = 5
"""Tries without any progress."""

_OUTAGE = 600.0
"""Seconds for which a step waits for a server before work that takes hours, or after it."""

_LONGEST_PAUSE = 30.0

_log = logging.getLogger(__name__)


def patiently(request: Callable[[], Result], stopping: Callable[[], bool] = lambda: False) -> Result:
    """Repeat a request that ends with TryAgainLater for ten minutes, or PODTUNE_OUTAGE, unless the step is to stop.

    KFP as shipped does not try a step again, so that a store's restart would end a run of hours.
    """
    end, pause = time.monotonic() + _outage(), 2.0
    while True:
        try:
            return request()
        except TryAgainLater as error:
            if time.monotonic() + pause > end or stopping():
                raise
            _log.warning("%s; waiting for it, up to %.0f s more", error, end - time.monotonic())
        _sleep(pause, stopping)
        pause = min(2 * pause, _LONGEST_PAUSE)


def _outage() -> float:
    value = OUTAGE.value()
    try:
        seconds = float(value or _OUTAGE)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < float("inf"):
        raise BadInput(f"{OUTAGE.name} must be a number of seconds, at least 0; got {value!r}")
    return seconds


def _sleep(seconds: float, stopping: Callable[[], bool]) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end and not stopping():
        time.sleep(min(0.5, end - time.monotonic()))


def persistently(request: Callable[[], Result]) -> Result:
    """Repeat a request until it does not end with TryAgainLater, at most ATTEMPTS times."""
    for attempt in range(1, ATTEMPTS):
        try:
            return request()
        except TryAgainLater:
            wait(attempt)
    return request()


def wait(attempt: int) -> None:
    """Wait up to 0.5 s, 1 s, 2 s, … after the first, second, third attempt; at random, so that clients spread out."""
    time.sleep(random.uniform(0.25, 0.5) * 2 ** (attempt - 1))
