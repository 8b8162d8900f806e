"""Work in forked processes, as steps and publishers are: how each ended, and what it told."""

import contextlib
import os
import sys
import tempfile
import traceback
from importlib import import_module
from pathlib import Path
from typing import Any, Callable, Dict, List, NamedTuple, Sequence

from podtune.__main__ import main
from podtune.errors import ending_cleanly

Work = Callable[[], Any]


class Ending(NamedTuple):
    """How a process ended."""

    code: int
    """Its exit status, or the signal that killed it, below zero."""

    told: str
    """What it wrote to stderr."""


def started(work: Work, told: Path) -> int:
    """Fork a process for some work, which ends as a step does; its number."""
    process = os.fork()
    if process:
        return process
    os.dup2(os.open(told, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 2)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    sys.stderr = os.fdopen(2, "w", closefd=False)  # pytest's own would keep what is told
    code = 1
    try:
        with ending_cleanly():
            work()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except BaseException:
        with contextlib.suppress(OSError):  # where no file may grow, the code has to say it
            os.write(2, traceback.format_exc().encode("utf-8", "replace"))
    with contextlib.suppress(OSError):
        sys.stderr.flush()
    os._exit(code)


def ended(process: int, told: Path) -> Ending:
    """Wait for the end of a process."""
    _, status = os.waitpid(process, 0)
    return Ending(os.waitstatus_to_exitcode(status), told.read_text("utf-8", "replace"))


def ending_of(work: Work) -> Ending:
    """Fork a process for some work, and wait for its end."""
    return endings_of([work])[0]


def endings_of(works: Sequence[Work]) -> List[Ending]:
    """Fork a process for each work, all of which begin at the same moment."""
    with tempfile.TemporaryDirectory(prefix="podtune-faults-told-") as folder:
        reading, writing = os.pipe()

        def after_the_start(work: Work) -> Work:
            def begin() -> None:
                os.close(writing)
                os.read(reading, 1)  # ends when all have been forked
                work()

            return begin

        places = [Path(folder) / str(number) for number in range(len(works))]
        processes = [started(after_the_start(work), told) for work, told in zip(works, places)]
        os.close(writing)
        os.close(reading)
        return [ended(process, told) for process, told in zip(processes, places)]


def step(name: str, options: Dict[str, Any], *, before: Work = lambda: None) -> Work:
    """The work of `python -m podtune NAME`, after what is done to its process before."""

    def work() -> None:
        given = [f"--{option.replace('_', '-')}={value}" for option, value in options.items()]
        sys.argv = ["podtune", name, *given]
        before()
        main()

    return work


def warm(works: Sequence[Work]) -> None:
    """Do some work in a process, then import here what it imported, so that forks need not do it each time."""

    def telling(work: Work) -> Work:
        def work_and_tell() -> None:
            try:
                work()
            finally:
                os.write(2, ("\nmodules " + " ".join(sys.modules)).encode())

        return work_and_tell

    for work in works:
        for name in ending_of(telling(work)).told.rpartition("\nmodules ")[2].split():
            with contextlib.suppress(Exception):  # some are not there under the names they have
                import_module(name)
