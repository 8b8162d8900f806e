"""A lease: an object that its holder renews, so that others see whether it is still at work.

Only changes of its content count, so no two clocks are compared. Some stores have no conditional writes: of two that
take a free lease at the same moment, the one whose content is gone at its next renewal has lost it.
"""

import logging
import os
import secrets
import socket
import tempfile
import threading
import time
from pathlib import Path
from typing import Callable, Literal, Optional

from podtune.errors import PodtuneError, TryAgainLater
from podtune.stores.store import Store

_RENEWALS = 8
"""In the time after which the lease would be lost."""

_SIGNS_OF_LIFE = 2
"""Changes that show that a holder lives; one may be the last renewal of a process that has just died."""

_log = logging.getLogger(__name__)


def this_process() -> str:
    """How others know this process: a pod's host name is its own."""
    return f"process {os.getpid()} on {socket.gethostname()}"


class Lease:
    """The holder's side: a context in which a thread renews the lease, however long a request takes."""

    def __init__(self, store: Store, key: str, seconds: float) -> None:
        self._store, self._key, self._every = store, key, seconds / _RENEWALS
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._renew_often, daemon=True)
        self._content = b""

    def __enter__(self) -> None:
        self.renew()
        self._thread.start()

    def __exit__(self, *exception: object) -> None:
        self._ended.set()
        self._thread.join()
        try:
            self._store.delete(self._key)
        except PodtuneError as error:
            _log.warning("%s", error)

    def _renew_often(self) -> None:
        while not self._ended.wait(self._every):
            self.renew()

    def renew(self) -> None:
        """Renew the lease; a store that cannot be reached is tried again next time."""
        try:
            with tempfile.TemporaryDirectory() as directory:
                path = Path(directory) / "lease"
                path.write_text(f"{this_process()}\n{secrets.token_hex(16)}\n", encoding="utf-8")
                self._store.upload(path, self._key)
                self._content = path.read_bytes()
        except PodtuneError as error:
            _log.warning("%s", error)


class LeaseWatch:
    """The side of those who wait for the holder."""

    def __init__(self, store: Store, key: str, seconds: float) -> None:
        self._store, self._key, self._seconds = store, key, seconds
        self._content: Optional[bytes] = None
        self._changed = self._checked = time.monotonic()

    def is_lost(self) -> bool:
        """Whether the lease was not renewed for too long; time in which the store cannot be reached is left out."""
        now = time.monotonic()
        if now >= self._checked + self._seconds / _RENEWALS:
            try:
                content = self._store.read(self._key)
                if content is not None and content != self._content:
                    self._content, self._changed = content, now
            except PodtuneError as error:
                _log.warning("%s", error)
                self._changed += now - self._checked
            self._checked = now
        return now > self._changed + self._seconds

    def is_failing(self) -> bool:
        """Whether it is lost or about to be, as another who watches it may know already."""
        return self.is_lost() or time.monotonic() > self._changed + self._seconds * (1 - 2 / _RENEWALS)


class OnlyLease(Lease):
    """A lease that one process at a time has; entering it waits until a dead holder's is lost."""

    def __init__(self, store: Store, key: str, seconds: float, what: str, stopping: Callable[[], bool]) -> None:
        super().__init__(store, key, seconds)
        self._seconds, self._what, self._stopping = seconds, what, stopping
        self._taken: Optional[bytes] = None

    def __enter__(self) -> None:
        self._wait_for_a_dead_holder()
        super().__enter__()

    def __exit__(self, *exception: object) -> None:
        if self._taken is None:
            super().__exit__(*exception)

    def require(self) -> Literal[False]:
        """Raise TryAgainLater where another process took the lease, and says `what` it does."""
        if self._taken is not None:
            raise elsewhere(self._what, self._taken)
        return False

    def renew(self) -> None:
        """Renew the lease unless it is another's by now."""
        try:
            found = self._store.read(self._key) if self._content else None
        except PodtuneError as error:
            _log.warning("%s", error)
            return
        if found is not None and found != self._content:
            self._taken = found
            self._ended.set()
        else:
            super().renew()

    def _wait_for_a_dead_holder(self) -> None:
        """Return once nobody renews the lease; TryAgainLater names the holder that does."""
        found = self._store.read(self._key)
        if found is None:
            return
        _log.warning("%s; looking whether that is still at work", elsewhere(self._what, found))
        until, seen = time.monotonic() + self._seconds, {found}
        while time.monotonic() < until and not self._stopping():
            time.sleep(min(1.0, self._every))
            now = self._store.read(self._key)
            if now is None:
                return
            if now not in seen:
                seen.add(now)
                until = time.monotonic() + self._seconds
            if len(seen) > _SIGNS_OF_LIFE:
                raise elsewhere(self._what, now)


def elsewhere(what: str, held: bytes) -> TryAgainLater:
    """The error that says what is held, and by the process that wrote these bytes."""
    holder = held.decode("utf-8", "replace").partition("\n")[0] or "another process"
    return TryAgainLater(f"{what} in {holder}; start again when it has ended")
