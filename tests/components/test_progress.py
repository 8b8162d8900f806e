"""Progress bars on a terminal of a given width."""

import fcntl
import os
import pty
import re
import struct
import termios
from typing import List

import pytest
from podtune.progress import progress_bar


@pytest.mark.parametrize("columns", [40, 60, 80, 132])
def test_a_bar_fits_the_terminal_that_it_is_drawn_on(monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
    """Though the process itself has none: a step writes into a pipe."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    monkeypatch.setenv("PODTUNE_TERMINAL", os.ttyname(theirs))
    monkeypatch.delenv("COLUMNS", raising=False)

    with progress_bar(1000, "step", "train") as bar:
        bar.mininterval = 0
        for step in range(5):
            bar.set_postfix(loss="4.3512", rate="5.63e-04", speed="1,234.5", refresh=False)
            bar.update(step)
        drawn = os.read(ours, 1 << 16).decode()
    bar.fp.close()
    os.close(ours)
    os.close(theirs)

    lines: List[str] = [line for line in re.split("\r", drawn) if line.strip()]
    assert lines
    assert "\n" not in drawn
    assert max(map(len, lines)) <= columns
