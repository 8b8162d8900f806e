"""Progress bars on terminals."""

import os
import sys
from typing import Any

from tqdm import tqdm

from podtune.environment import TERMINAL


def progress_bar(total: int, unit: str, label: str, done: int = 0) -> Any:
    """Open a tqdm bar, to be used as a context manager; it draws only on a terminal. `done` was there before."""
    terminal = TERMINAL.value()  # the process writes into a pipe
    target = open(terminal, "w", encoding="utf-8") if terminal else sys.stderr  # noqa: SIM115  # tqdm draws on it
    hidden = not target.isatty() or os.environ.get("RANK", "0") != "0"  # of torchrun's processes one draws
    return tqdm(
        total=total,
        initial=done,
        unit=unit,
        unit_scale=unit == "B",
        desc=label,
        file=target,
        disable=hidden,
        dynamic_ncols=True,  # the width of `target`, not of stderr; a longer line would leave one behind at each update
        leave=False,
    )
