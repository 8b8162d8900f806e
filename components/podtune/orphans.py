"""A step ends with the process that started it, however that ended: nobody would follow, stop or continue it."""

import os
import signal
import threading
import time

import psutil

from podtune.environment import RUNNER

_POLL_SECONDS = 1.0


def end_with_runner() -> None:
    """Send this process SIGTERM once the process that the environment names is gone; nothing where it names none."""
    if RUNNER.value():
        threading.Thread(target=_watch, args=(int(RUNNER.value()),), daemon=True).start()


def _watch(runner: int) -> None:
    try:
        process = psutil.Process(runner)
        while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
            time.sleep(_POLL_SECONDS)
    except psutil.NoSuchProcess:
        pass
    os.kill(os.getpid(), signal.SIGTERM)
