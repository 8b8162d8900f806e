"""How long a server that does not answer is asked again."""

import random
import time
from typing import Callable, TypeVar

from podtune.errors import TryAgainLater

Result = TypeVar("Result")

ATTEMPTS = 5
"""Tries without any progress."""


def persistently(ask: Callable[[], Result]) -> Result:
    """Ask until the answer is not TryAgainLater, or ATTEMPTS times."""
    for attempt in range(1, ATTEMPTS):
        try:
            return ask()
        except TryAgainLater:
            wait(attempt)
    return ask()


def wait(attempt: int) -> None:
    """Wait up to 0.5 s, 1 s, 2 s, …: at random, so that those who met do not meet again."""
    time.sleep(random.uniform(0.25, 0.5) * 2 ** (attempt - 1))
