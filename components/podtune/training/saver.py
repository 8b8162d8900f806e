"""Checkpoints in the background: while training goes on they are written, hashed and uploaded."""

import logging
import os
import sys
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from typing import List, Optional

from podtune.errors import TryAgainLater
from podtune.formats.checkpoint import Line
from podtune.training.protocols import Engine, WriteState
from podtune.training.resume import Progress, States

_NICENESS = 10
"""A tenth of the processor time where training would take all of it: a state must not be late either."""

_log = logging.getLogger(__name__)


class Saver:
    """Saves the states of one run in two threads, for the disk and for the store; a context manager.

    Training waits for the disk where it is still writing the state before, so that at most one copy is in memory. It
    never waits for the store, which takes the newest states when it has taken the ones before.
    """

    def __init__(self, states: States) -> None:
        self._states = states
        self._disk, self._store = (ThreadPoolExecutor(1, initializer=_yield_to_training) for _ in range(2))
        self._writing: "Optional[Future[None]]" = None
        self._sharing: "Optional[Future[None]]" = None

    def __enter__(self) -> "Saver":
        return self

    def __exit__(self, *_: object) -> None:
        self._disk.shutdown()
        self._store.shutdown()

    def is_writing(self) -> bool:
        """Whether the disk has not taken the last state yet."""
        return bool(self._writing and not self._writing.done())

    def raise_failure(self) -> None:
        """Raise what made one of the threads fail, such as a full disk."""
        for future in (self._writing, self._sharing):
            if future and future.done() and not future.cancelled():
                future.result()

    def save(self, engine: Engine, progress: Progress, lines: List[Line]) -> None:
        """Copy the engine's state and begin to write it, once the one before is written."""
        self._finish_writing()
        self._writing = self._disk.submit(self._write, progress, lines[:], engine.copy_state())

    def finish(self) -> None:
        """Wait until the last state is written and, if it can be reached, in the store."""
        self._finish_writing()
        if self._sharing:
            self._sharing.result()

    def _finish_writing(self) -> None:
        if self._writing:
            self._writing.result()

    def _write(self, progress: Progress, lines: List[Line], write_engine: WriteState) -> None:
        self._states.save(progress, lines, write_engine)
        if self._sharing:
            self._sharing.cancel()  # unless it has begun: the new one brings the same and more
        self._sharing = self._store.submit(self._share, progress.step)

    def _share(self, step: int) -> None:
        """Bring the store up to date; one that is away must not end hours of training."""
        try:
            self._states.share()
        except TryAgainLater as error:  # the next checkpoint makes up for it
            _log.warning("the checkpoint of step %d is on this machine only: %s", step, error)


def _yield_to_training() -> None:
    """Let training go first; threads that this one starts do the same. Only Linux has priorities of threads."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)
