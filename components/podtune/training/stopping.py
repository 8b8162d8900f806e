"""Being asked to end: a signal sets a flag, so that nothing is ever cut off in the middle."""

import contextlib
import signal
from typing import Any, Callable, Iterator, List

SIGNALS = (signal.SIGTERM, signal.SIGINT)


@contextlib.contextmanager
def noticing_signals() -> Iterator[Callable[[], bool]]:
    """Give a function that tells whether SIGTERM or SIGINT has arrived since; a second one changes nothing."""
    noticed: List[int] = []

    def notice(number: int, frame: Any) -> None:  # noqa: ARG001  # the signature of a handler
        noticed.append(number)

    before = [signal.signal(number, notice) for number in SIGNALS]
    try:
        yield lambda: bool(noticed)
    finally:
        for number, handler in zip(SIGNALS, before):
            signal.signal(number, handler)
