"""Points at which something is made to fail: each is tried in a process and a folder of its own."""

import os
import shutil
import signal
import tempfile
import time
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Dict, Iterator, Sequence, Tuple

SECONDS = 300
"""After which a point counts as hanging."""


@dataclass(frozen=True)
class Point:
    """One fault."""

    name: str
    """Says what fails, and where; repeats it."""

    trial: Callable[[Path], None]
    """Makes it happen, in an empty folder; AssertionError where podtune did not do right."""


def tried(points: Sequence[Point], workers: int = 2) -> Iterator[Tuple[Point, str]]:
    """Try points side by side; yield each with what was wrong, which is empty where all was right."""
    waiting = list(reversed(points))
    running: Dict[int, Tuple[Point, Path]] = {}
    while waiting or running:
        while waiting and len(running) < workers:
            point, folder = waiting.pop(), Path(tempfile.mkdtemp(prefix="podtune-faults-"))
            running[_started(point, folder)] = (point, folder)
        for process in list(running):
            ended, status = os.waitpid(process, os.WNOHANG)
            if ended:
                point, folder = running.pop(process)
                yield point, _complaint(folder, status)
                shutil.rmtree(str(folder), ignore_errors=True)
        time.sleep(0.002)


def _started(point: Point, folder: Path) -> int:
    process = os.fork()
    if process == 0:
        _try(point, folder)
    return process


def _try(point: Point, folder: Path) -> None:
    """Try a point in this process, which ends, and all that it started with it."""
    os.setsid()
    signal.alarm(SECONDS)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    (folder / "trial").mkdir()
    try:
        point.trial(folder / "trial")
        (folder / "right").touch()
    except BaseException as error:  # whatever it is, it is what is looked for
        where = traceback.extract_tb(error.__traceback__)[-1]
        (folder / "wrong").write_text(f"{type(error).__name__} at {Path(where.filename).name}:{where.lineno}: {error}")
    os._exit(0)


def _complaint(folder: Path, status: int) -> str:
    if (folder / "right").exists():
        return ""
    if (folder / "wrong").exists():
        return (folder / "wrong").read_text()
    return f"no end within {SECONDS} s" if status == signal.SIGALRM else f"it died with status {status}"
