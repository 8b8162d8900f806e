"""A lock between processes of one machine: a file that one of them holds, and that names it."""

import contextlib
import errno
import fcntl
import logging
import os
from pathlib import Path
from typing import Iterator

from podtune.stores.lease import elsewhere, this_process

_log = logging.getLogger(__name__)


@contextlib.contextmanager
def locked(path: Path, what: str) -> Iterator[None]:
    """Hold a lock file; TryAgainLater says `what` another process does, and names it.

    The system releases it however a process ends.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as opened:
        while True:
            stream = opened.enter_context(path.open("a+", encoding="utf-8"))
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise elsewhere(what, path.read_bytes()) from error
            except OSError as error:
                if error.errno not in (errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP):
                    raise
                _log.warning("%s is on a file system without locks; let one process at a time use it", path.parent)
            if path.exists() and os.path.samestat(os.fstat(stream.fileno()), path.stat()):
                break  # otherwise its holder deleted it just now
        stream.truncate(0)
        stream.write(f"{this_process()}\n")
        stream.flush()
        try:
            yield
        finally:
            with contextlib.suppress(FileNotFoundError):
                path.unlink()
