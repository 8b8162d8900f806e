"""A pod's log, line by line, each once, however often the connection is lost."""

import contextlib
import re
import time
from collections import Counter
from typing import Any, Iterator, Tuple

from urllib3.exceptions import HTTPError

_STAMP = re.compile(rb"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d+)?(Z|[+-]\d\d:\d\d)")
"""As the kubelet writes it before each line."""


class PodLog:
    """What was read of one pod's log so far.

    The API takes whole seconds as a starting point, so the lines of the last second come again and are left out.
    """

    def __init__(self) -> None:
        self.since = ""
        """The second of the newest line; empty before the first."""

        self.whole = False
        """Whether the newest answer ended in good order: a pod that has ended says nothing more then."""

        self._seen: "Counter[bytes]" = Counter()

    def lines(self, chunks: Iterator[bytes]) -> Iterator[str]:
        """The new lines of an answer that begins at `since`; one that is cut off is left for the next answer."""
        self.whole = False
        again = self._seen.copy()
        with contextlib.suppress(HTTPError):
            for raw in _split(chunks):
                if again[raw]:
                    again[raw] -= 1
                else:
                    yield self._noted(raw)
            self.whole = True

    def _noted(self, raw: bytes) -> str:
        """A new line's text."""
        stamp, text = _stamp_of(raw)
        if stamp > self.since:
            self.since = stamp
            self._seen.clear()
        if stamp == self.since:
            self._seen[raw] += 1
        return text


def chunks_of(response: Any, seconds: float) -> Iterator[bytes]:
    """What arrives of a log while there is somebody who writes it.

    Raises HTTPError where the connection is lost, and after so many seconds.
    """
    until = time.monotonic() + seconds
    try:
        for chunk in response.stream():
            yield chunk
            if time.monotonic() > until:
                raise HTTPError("listened long enough")
    finally:
        response.close()


def _split(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Whole lines, and what follows the last of them where the log has ended in good order."""
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        yield from whole
    if rest:
        yield rest


def _stamp_of(raw: bytes) -> Tuple[str, str]:
    """The second of a line, empty where it has none, and its text."""
    found = _STAMP.match(raw)
    if found is None:
        return "", raw.decode("utf-8", "replace")
    second = (found.group(1) + found.group(2)).decode("ascii")
    return second, raw[found.end() + 1 :].decode("utf-8", "replace")
