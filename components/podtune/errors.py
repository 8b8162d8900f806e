"""Errors that the user can act on, and how a program ends with them."""

import contextlib
import errno
import json
import logging
import os
import re
import signal
import sys
import threading
from pathlib import Path
from typing import Iterator, Optional, Type

from podtune.environment import MESSAGE_FILE, RUNNER
from podtune.plain_text import visible, without_credentials
from podtune.signals import handling

KUBERNETES_MESSAGE_FILE = Path("/dev/termination-log")
"""Where Kubernetes looks for the message that it shows with a failed pod."""

_KUBERNETES_BYTES = 4096
"""Of a longer message Kubernetes keeps the end, and so not what it is about."""


_PASSING = (errno.EIO, errno.ESTALE, errno.ENOTCONN, errno.ETIMEDOUT, errno.EMFILE, errno.ENFILE)
"""What a mount that is lost answers, or a system that is busy."""

_OS_ERROR = re.compile(r"os error (\d{1,4})")

_PATH = 200
"""Characters that are shown of a path which is too long."""


class PodtuneError(Exception):
    """An expected failure: one line that says what the value was, what would be right, and where."""

    exit_code = 1


class BadInput(PodtuneError):
    """The input is wrong; the same call fails again."""

    exit_code = 2


class GateRefused(PodtuneError):
    """The new model did not pass the gate."""

    exit_code = 3


class LostRace(PodtuneError):
    """Another writer was first."""

    exit_code = 4


class TryAgainLater(PodtuneError):
    """The same call may succeed later: a server or a disk has to recover first."""

    exit_code = 75


class Interrupted(PodtuneError):
    """A signal to end arrived; the state was written and the same call continues from it."""

    exit_code = 143


@contextlib.contextmanager
def ending_cleanly() -> Iterator[None]:
    """Run a step or a command; a failure ends it with one line and its own exit code, not a traceback."""
    logging.basicConfig(format="%(message)s", stream=sys.stderr)
    logging.getLogger().setLevel(logging.WARNING)  # libraries tell where credentials and fonts come from
    for own in ("podtune", "podtune_pipelines", "__main__"):
        logging.getLogger(own).setLevel(logging.INFO)
    try:
        with _ending_on_signals():
            if RUNNER.value():
                from podtune.orphans import end_with_runner  # psutil takes time that other commands need not spend

                end_with_runner()
            yield
    except KeyboardInterrupt as interrupt:
        stopped = _Stopped(signal.SIGINT)
        _report(str(stopped), stopped.exit_code)
        raise SystemExit(stopped.exit_code) from interrupt
    except _Stopped as stopped:
        _report(str(stopped), stopped.exit_code)
        raise SystemExit(stopped.exit_code) from stopped
    except (PodtuneError, OSError) as error:
        failure = from_os_error(error) if isinstance(error, OSError) else error
        if failure is None:
            raise
        _report(str(failure), failure.exit_code)
        raise SystemExit(failure.exit_code) from error


class _Stopped(BaseException):
    """A signal to end came; no handler of errors takes it for one."""

    def __init__(self, number: int) -> None:
        super().__init__(f"stopped by {signal.Signals(number).name}; what was not finished is not kept")
        self.exit_code = 128 + number


@contextlib.contextmanager
def _ending_on_signals() -> Iterator[None]:
    """Unwind at a signal that would end the process at once, or not at all as the first process of a container."""

    def stop(number: int, _: object) -> None:
        raise _Stopped(number)

    numbers = [number for number in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(number) == signal.SIG_DFL]
    in_main_thread = threading.current_thread() is threading.main_thread()
    with handling(stop, numbers if in_main_thread else ()):
        yield


def from_os_error(error: OSError) -> Optional[PodtuneError]:
    """Translate a disk that is full, lost or closed to us, or a path that cannot be; None for other errors."""
    path = error.filename or "the output"
    if "No usable temporary directory" in str(error.args):
        return TryAgainLater(f"no space left in any directory for temporary files: {error.strerror}; free some")
    short_write = error.errno is None and "requested and" in str(error.args)  # numpy's word for a full disk
    if short_write or error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return TryAgainLater(f"no space left to write {path}; free some and start again")
    if error.errno in _PASSING:
        return TryAgainLater(f"cannot use {path}: {error.strerror}; start again when its disk answers")
    if error.errno in (errno.ENAMETOOLONG, errno.ELOOP):
        return BadInput(f"cannot use {str(path)[:_PATH]}: {error.strerror}; choose another path")
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return BadInput(f"no permission to use {path}; choose another path or change its permissions")
    return None


@contextlib.contextmanager
def naming(path: Path) -> Iterator[None]:
    """Add the path to an error that names no file, such as a full disk's; libraries in Rust tell of that in words."""
    try:
        yield
    except OSError as error:
        error.filename = error.filename or str(path)
        raise
    except Exception as error:
        failure = _os_error_in(error, path)
        if failure and from_os_error(failure):
            raise failure from error
        raise


@contextlib.contextmanager
def bad_input(complaint: str, *kinds: Type[Exception]) -> Iterator[None]:
    """Turn an OSError, or one of `kinds`, into BadInput; a disk that is away, full or closed to us is not that."""
    try:
        yield
    except (OSError,) + kinds as error:  # noqa: RUF005  # mypy knows the type of a sum alone
        failure = error if isinstance(error, OSError) else _os_error_in(error, None)
        expected = failure and from_os_error(failure)
        if expected:
            raise expected from error
        said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        reason = " ".join(said.split()) or type(error).__name__
        raise BadInput(f"{complaint}: {reason}" if complaint else reason) from error


def _os_error_in(error: Exception, path: Optional[Path]) -> Optional[OSError]:
    """The error of the system that a library in Rust tells of in words."""
    number = _OS_ERROR.search(str(error))
    return OSError(int(number[1]), os.strerror(int(number[1])), path and str(path)) if number else None


def read_failure(message_file: Path) -> Optional[PodtuneError]:
    """Read the error that another process left in its message file; None where it left none."""
    if not message_file.exists():
        return None
    record = json.loads(message_file.read_text(encoding="utf-8"))
    return failure_of(record["exit_code"], record["message"])


def is_passing(status: int) -> bool:
    """Whether an HTTP request that got this status may succeed later."""
    return status in (408, 425, 429) or (status >= 500 and status != 501)


def failure_of(exit_code: int, message: str) -> PodtuneError:
    """Build the error of an exit code and a message."""
    kinds = {kind.exit_code: kind for kind in (BadInput, GateRefused, LostRace, TryAgainLater, Interrupted)}
    return kinds.get(exit_code, PodtuneError)(message)


def _report(message: str, exit_code: int) -> None:
    """Report why the process ends, to the user and to the parent process."""
    message = without_credentials(message)
    with contextlib.suppress(OSError):  # a terminal that was closed
        print(f"error: {visible(message)}", file=sys.stderr, flush=True)
    with contextlib.suppress(OSError):
        if MESSAGE_FILE.value():
            record = {"message": message, "exit_code": exit_code}
            Path(MESSAGE_FILE.value()).write_text(json.dumps(record), encoding="utf-8")
        elif KUBERNETES_MESSAGE_FILE.exists():
            KUBERNETES_MESSAGE_FILE.write_bytes(message.encode("utf-8")[:_KUBERNETES_BYTES])
