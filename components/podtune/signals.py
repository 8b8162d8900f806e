"""Signals that ask a process to end."""

import contextlib
import signal
from typing import Any, Callable, Iterator, Sequence

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
"""To end, the last when a terminal is closed; one that is ignored stays so, as nohup has it."""


@contextlib.contextmanager
def handling(handler: Callable[[int, Any], object], signals: Sequence[signal.Signals] = SIGNALS) -> Iterator[None]:
    """Have signals to end handled so, but for those that are ignored."""
    numbers = [number for number in signals if signal.getsignal(number) != signal.SIG_IGN]
    before = [signal.signal(number, handler) for number in numbers]
    try:
        yield
    finally:
        for number, earlier in zip(numbers, before):
            signal.signal(number, earlier)
