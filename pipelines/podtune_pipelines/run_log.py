"""The output of a local run: all of it to a file, the steps' own lines to the terminal.

KFP's local runner and its executor print every step's input and output in full between the steps' own lines.
"""

import contextlib
import io
import re
from typing import Optional, TextIO

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_EXECUTING = re.compile(r"[\d:.]+ - INFO - Executing task '([\w-]+)'")
_REUSED = re.compile(r"Task ([\w-]+) cache hit")
_STEP_LINE = re.compile(r"\s*\[KFP Executor [^]]*\]: (.*)")
_EXECUTOR_PHRASES = (
    "Looking for component",
    "Loading KFP component",
    "Got executor_input",
    "Did not write output file",
    "Wrote executor output file",
)


class RunLog(io.TextIOBase):
    """A stream that KFP prints to."""

    def __init__(self, log: TextIO, terminal: TextIO) -> None:
        self._log, self._terminal = log, terminal
        self._unfinished = ""

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        """Accept any piece of text; complete lines that are wanted reach the terminal."""
        self._log.write(text)
        *lines, self._unfinished = (self._unfinished + text).split("\n")
        for line in lines:
            shown = wanted(line)
            if shown is not None:
                with contextlib.suppress(OSError):  # a terminal that was closed: the run has to end in good order
                    print(shown, file=self._terminal, flush=True)
        return len(text)

    def flush(self) -> None:
        self._log.flush()


def wanted(line: str) -> Optional[str]:
    """What the terminal shows for a line; None for nothing."""
    plain = without_colour(line)
    executing, reused, step_line = (pattern.match(plain) for pattern in (_EXECUTING, _REUSED, _STEP_LINE))
    if executing:
        return executing[1].replace("-", "_")
    if reused:
        return f"{reused[1].replace('-', '_')} (reused)"
    if step_line and not step_line[1].startswith(_EXECUTOR_PHRASES):
        return f"  {step_line[1]}"
    return None


def without_colour(text: str) -> str:
    """The text without a terminal's colour codes."""
    return _COLOUR.sub("", text)
