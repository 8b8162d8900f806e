"""What the step that waits for an IPUJob shares with the job's worker: the work, and a lease on the job.

The step renews the lease as long as it waits, and the worker ends once nobody does. Kubernetes would do this by an
owner reference, but not from one namespace to another. The lease is an object beside the output; only changes of its
content count, so no two clocks are compared.
"""

import logging
import secrets
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, Literal, Optional

from podtune.environment import IPU_NAMESPACE
from podtune.errors import PodtuneError
from podtune.stores.store import Store

NAMESPACE = "podtune-ipu"

OUTPUT = "output/"
"""Prefix of the sealed directory that the worker made, below a job's location."""

LEASE = "lease"
_RENEWALS = 8
"""In the time after which the lease would be lost."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class StepCall:
    """One step, run where the IPUs are; its inputs and its output are in an object store."""

    step: Literal["finetune", "evaluate"]
    inputs: Dict[str, str]
    """The step's argument to the artifact's s3:// URI."""

    output: str
    """The step's argument that names its output."""

    arguments: Dict[str, Any]
    """The step's other arguments: its section of the recipe, and texts."""


@dataclass(frozen=True)
class Work(StepCall):
    """What a worker does, and where it leaves the output."""

    location: str
    """s3:// URI below which the output is left and the lease is renewed."""

    lease_seconds: float = 240.0
    """The worker ends when the lease was not renewed for so long: nobody waits for it any more."""


class Lease:
    """The waiting step's side: a context in which a thread renews the lease, however long a request takes."""

    def __init__(self, store: Store, seconds: float) -> None:
        self._store, self._every = store, seconds / _RENEWALS
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._renew_often, daemon=True)

    def __enter__(self) -> None:
        self.renew()
        self._thread.start()

    def __exit__(self, *exception: object) -> None:
        self._ended.set()
        self._thread.join()
        try:
            self._store.delete(LEASE)
        except PodtuneError as error:
            _log.warning("%s", error)

    def _renew_often(self) -> None:
        while not self._ended.wait(self._every):
            self.renew()

    def renew(self) -> None:
        """Renew the lease; a store that cannot be reached is tried again next time."""
        try:
            with tempfile.TemporaryDirectory() as directory:
                path = Path(directory) / LEASE
                path.write_text(secrets.token_hex(16), encoding="ascii")
                self._store.upload(path, LEASE)
        except PodtuneError as error:
            _log.warning("%s", error)


class LeaseWatch:
    """The worker's side."""

    def __init__(self, store: Store, seconds: float) -> None:
        self._store, self._seconds = store, seconds
        self._content: Optional[bytes] = None
        self._changed = self._checked = time.monotonic()

    def is_lost(self) -> bool:
        """Whether the lease was not renewed for too long; time in which the store cannot be reached is left out."""
        now = time.monotonic()
        if now >= self._checked + self._seconds / _RENEWALS:
            try:
                content = self._store.read(LEASE)
                if content is not None and content != self._content:
                    self._content, self._changed = content, now
            except PodtuneError as error:
                _log.warning("%s", error)
                self._changed += now - self._checked
            self._checked = now
        return now > self._changed + self._seconds


def jobs_namespace() -> str:
    """The namespace of IPUJobs, which the environment may name."""
    return IPU_NAMESPACE.value() or NAMESPACE
