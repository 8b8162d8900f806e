"""The output of a local run: all of it to a file; to the terminal which step runs, its own lines, and its time.

KFP's local runner and its executor print every step's input and output in full between the steps' own lines.
"""

import contextlib
import io
import re
import time
from datetime import timedelta
from typing import Callable, Optional, TextIO

from podtune.plain_text import visible

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_EXECUTING = re.compile(r"[\d:.]+ - INFO - Executing task '([\w-]+)'")
_REUSED = re.compile(r"Task ([\w-]+) cache hit")
_ENDED = re.compile(r"[\d:.]+ - INFO - Task '[\w-]+' finished with status (\w+)")
_STEP_LINE = re.compile(r"\s*\[KFP Executor [^]]*\]: (.*)")
_EXECUTOR_PHRASES = (
    "Looking for component",
    "Loading KFP component",
    "Got executor_input",
    "Did not write output file",
    "Wrote executor output file",
)


class RunLog(io.TextIOBase):
    """A stream that KFP prints to, of a pipeline with so many steps."""

    def __init__(self, log: TextIO, terminal: TextIO, steps: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._log, self._terminal, self._steps, self._clock = log, terminal, steps, clock
        self._unfinished = ""
        self._begun = 0
        self._since = clock()

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        """Accept any piece of text; complete lines that are wanted reach the terminal."""
        self._log.write(text)
        *lines, self._unfinished = (self._unfinished + text).split("\n")
        for line in lines:
            shown = self._wanted(without_colour(line))
            if shown is not None:
                with contextlib.suppress(OSError):  # a terminal that was closed: the run has to end in good order
                    print(visible(shown), file=self._terminal, flush=True)
        return len(text)

    def flush(self) -> None:
        self._log.flush()

    def _wanted(self, line: str) -> Optional[str]:
        """What the terminal shows for a line; None for nothing."""
        begun, ended, step_line = (
            _EXECUTING.match(line) or _REUSED.match(line),
            _ENDED.match(line),
            _STEP_LINE.match(line),
        )
        if begun:
            self._begun, self._since = self._begun + 1, self._clock()
            reused = " (reused)" if begun.re is _REUSED else ""
            return f"[{self._begun}/{self._steps}] {begun[1].replace('-', '_')}{reused}"
        if ended:
            outcome = "done in" if ended[1] == "SUCCESS" else "ended after"
            return f"  {outcome} {timedelta(seconds=round(self._clock() - self._since))}"
        if step_line and not step_line[1].startswith(_EXECUTOR_PHRASES):
            return f"  {step_line[1]}"
        return None


def without_colour(text: str) -> str:
    """The text without a terminal's colour codes."""
    return _COLOUR.sub("", text)
