"""Requests that a server or the network fails are repeated, after pauses that grow."""

import random
import time
from typing import Callable, TypeVar

from podtune.errors import TryAgainLater

Result = TypeVar("Result")

ATTEMPTS = 5
"""Tries without any progress."""


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
