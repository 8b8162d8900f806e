"""What is done to a process at one of its file operations: it is killed, stopped or told of an error."""

import errno
import os
import resource
import signal
import sys
from pathlib import Path
from typing import Any, Callable, List, Optional

Act = Callable[[str], object]
"""Called with what is about to happen, such as `rename /a/b`."""

CHANGES = {"os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.link", "os.chmod", "os.truncate", "tempfile.mkdtemp"}
_READS = {"os.listdir", "os.scandir"}
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT


def watch(folder: Path, act: Act, *, reading: bool = False) -> None:
    """Call `act` before each operation below a folder that changes something, or with `reading` before any.

    fsync counts too; what is written outside of Python's own calls, as by safetensors, does not. There is no way back.
    """
    prefix, inside = str(folder), []  # type: str, List[bool]

    def tell(event: str, path: Any) -> None:
        if not inside and str(path).startswith(prefix):
            inside.append(True)
            try:
                act(f"{event.rpartition('.')[2]} {path}")
            finally:
                inside.clear()

    def hook(event: str, given: Any) -> None:
        if event == "open":
            if reading or (isinstance(given[2], int) and given[2] & _WRITING):
                tell(event, given[0])
        elif event in CHANGES or (reading and event in _READS):
            tell(event, given[0])

    def fsync(descriptor: int) -> None:  # tests need not wait for the disk
        tell("fsync", os.readlink(f"/proc/self/fd/{descriptor}"))

    os.fsync = fsync  # type: ignore[assignment]  # it is given numbers only
    sys.addaudithook(hook)


def at(number: int, act: Act) -> Act:
    """Do something at the operation of a number, counted from 1, and nothing at others."""
    seen: List[str] = []

    def counting(what: str) -> None:
        seen.append(what)
        if len(seen) == number:
            act(what)

    return counting


def kill(_: str) -> None:
    """End this process as a lost machine does."""
    os.kill(os.getpid(), signal.SIGKILL)


def stop(_: str) -> None:
    """Ask this process to end."""
    os.kill(os.getpid(), signal.SIGTERM)


def fail(number: int) -> Act:
    """Raise an error of the system, as errno has it."""

    def failing(what: str) -> None:
        raise OSError(number, os.strerror(number), what.partition(" ")[2])

    return failing


def failing_from(number: int, error: int) -> Act:
    """Raise an error at an operation and at all that follow: the disk does not come back."""
    seen: List[str] = []

    def counting(what: str) -> None:
        seen.append(what)
        if len(seen) >= number:
            fail(error)(what)

    return counting


def note(place: Path) -> Act:
    """Write down each operation in a file, which has to lie elsewhere."""
    stream = open(place, "w")  # noqa: SIM115  # to this process's end

    def noting(what: str) -> None:
        stream.write(what + "\n")
        stream.flush()

    return noting


def limit_files(size: int, *, kills: Optional[bool] = False) -> None:
    """Let no file grow beyond `size` bytes: a write fails in its middle as on a full disk, or kills the process."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL if kills else signal.SIG_IGN)


LOST = (errno.EIO, errno.ESTALE, errno.ENOTCONN, errno.ETIMEDOUT)
FULL = (errno.ENOSPC, errno.EDQUOT)
CLOSED = (errno.EROFS, errno.EACCES)
