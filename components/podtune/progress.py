"""Progress: bars on terminals, and a file for the orchestrator."""

import contextlib
import os
import sys
from pathlib import Path
from typing import Any

from tqdm import tqdm

from podtune.environment import TERMINAL

_ARGO_PROGRESS = "ARGO_PROGRESS_FILE"
"""Set by Argo in every step's container: what it reads from there, such as 40/100, is shown for the step."""


def is_first_process() -> bool:
    """Whether this is the one of torchrun's processes that shows progress, or the only one."""
    return os.environ.get("RANK", "0") == "0"


def tell_orchestrator(done: int, total: int) -> None:
    """Write how far a step is to where Argo Workflows reads it, if it does; nothing depends on it."""
    path = os.environ.get(_ARGO_PROGRESS)
    if path:
        with contextlib.suppress(OSError):
            Path(path).write_text(f"{done}/{total}\n", encoding="utf-8")


class _Terminal:
    """A stream whose other end may be closed: nothing that is shown may end a training."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        with contextlib.suppress(OSError):
            self._stream.write(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError):
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def progress_bar(total: int, unit: str, label: str, done: int = 0, delay: float = 0.0) -> Any:
    """Open a tqdm bar, to be used as a context manager; it draws only on a terminal, and after `delay` seconds.

    `done` was there before.
    """
    terminal = TERMINAL.value()  # the process writes into a pipe
    stream = open(terminal, "w", encoding="utf-8") if terminal else sys.stderr  # noqa: SIM115  # tqdm draws on it
    target = _Terminal(stream)
    hidden = not target.isatty() or not is_first_process()
    return tqdm(
        total=total,
        initial=done,
        unit=unit,
        unit_scale=unit == "B",
        desc=label,
        file=target,
        disable=hidden,
        delay=delay,
        dynamic_ncols=True,  # the width of `target`, not of stderr; a longer line would leave one behind at each update
        leave=False,
    )
