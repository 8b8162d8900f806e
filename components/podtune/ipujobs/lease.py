"""A lease on a job: its step renews it as long as it waits, and the worker ends once nobody does.

Kubernetes would do this by an owner reference, but not from one namespace to another. The lease is an object in the
job's place; only changes of its content count, so no two clocks are compared.
"""

import logging
import secrets
import tempfile
import time
from pathlib import Path
from typing import Optional

from podtune.errors import PodtuneError
from podtune.stores.store import Store

LEASE = "lease"
_RENEWALS = 15
"""In the time after which the lease would be lost."""

_log = logging.getLogger(__name__)


class Lease:
    """The waiting step's side."""

    def __init__(self, store: Store, seconds: float) -> None:
        self._store, self._every = store, seconds / _RENEWALS
        self._renewed: Optional[float] = None

    def renew(self) -> None:
        """Renew the lease if it is time; a store that cannot be reached is tried again at the next call."""
        now = time.monotonic()
        if self._renewed is not None and now < self._renewed + self._every:
            return
        try:
            self._write()
            self._renewed = now
        except PodtuneError as error:
            _log.warning("%s", error)

    def end(self) -> None:
        """Take the lease away."""
        try:
            self._store.delete(LEASE)
        except PodtuneError as error:
            _log.warning("%s", error)

    def _write(self) -> None:
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory) / LEASE
            path.write_text(secrets.token_hex(16), encoding="ascii")
            self._store.upload(path, LEASE)


class LeaseWatch:
    """The worker's side."""

    def __init__(self, store: Store, seconds: float) -> None:
        self._store, self._seconds = store, seconds
        self._content: Optional[bytes] = None
        self._changed = self._looked = time.monotonic()

    def is_lost(self) -> bool:
        """Whether the lease was not renewed for too long; a store that cannot be reached shows no renewal."""
        now = time.monotonic()
        if now >= self._looked + self._seconds / _RENEWALS:
            self._looked = now
            self._look(now)
        return now > self._changed + self._seconds

    def _look(self, now: float) -> None:
        try:
            found = self._store.read(LEASE)
        except PodtuneError as error:
            _log.warning("%s", error)
            return
        if found is not None and found != self._content:
            self._content, self._changed = found, now
