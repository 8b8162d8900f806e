"""Run a step in another process, under a launcher such as torchrun or in another Python; notice signals to end.

A signal only sets a flag, so that nothing is interrupted halfway; a failed process leaves one message.
"""

import contextlib
import json
import os
import shutil
import subprocess
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Callable, Iterator, List, Mapping, Optional, Sequence

from podtune.environment import IPU_PYTHON, MESSAGE_FILE, RUNNER
from podtune.errors import BadInput, PodtuneError, read_failure
from podtune.signals import handling
from podtune.training import torchrun

_POLL_SECONDS = 0.2
_ONE_WISH_SECONDS = 3.0
_SAVING_TIME = "TORCH_ELASTIC_SHUTDOWN_TIMEOUT"
"""Seconds after which torchrun kills what it asked to end, 30 by default; whoever started this process decides."""


@contextlib.contextmanager
def noticing_signals() -> Iterator[Callable[[], bool]]:
    """Give a function that returns whether a signal to end has arrived since; a later second one ends at once.

    What arrives within seconds is the same wish: a terminal, torchrun and `podtune run` all pass it on.
    """
    noticed: List[float] = []

    def notice(number: int, _: object) -> None:
        if noticed and time.monotonic() - noticed[0] > _ONE_WISH_SECONDS:
            os._exit(128 + number)
        noticed.append(time.monotonic())

    with handling(notice):
        yield lambda: bool(noticed)


def run_step(
    launcher: Sequence[str],
    step: str,
    arguments: Mapping[str, object],
    stopping: Callable[[], bool],
    *,
    grace: Optional[float] = None,
) -> None:
    """Run `launcher -m podtune STEP` with the arguments of its `run` by name; raise again what made it fail.

    When `stopping` turns true the process gets SIGTERM, and SIGKILL after `grace` seconds; None waits for its end.
    What it prints goes to standard error, for the result is printed here.
    """
    with tempfile.TemporaryDirectory() as directory:
        message_file = Path(directory) / "message.json"
        command = [*launcher, "-m", "podtune", step, *_options(arguments, Path(directory))]
        own = {MESSAGE_FILE.name: str(message_file), RUNNER.name: str(os.getpid())}
        environment = {_SAVING_TIME: "86400", **os.environ, **own}
        process = subprocess.Popen(command, env=environment, stdout=2)  # noqa: S603  # our own module
        while process.poll() is None and not stopping():
            time.sleep(_POLL_SECONDS)
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(grace)
            except subprocess.TimeoutExpired:
                process.kill()
        if process.wait():
            unknown = f"{step} ended with exit code {process.returncode}; the lines above say why"
            raise read_failure(message_file) or torchrun.silent_end() or PodtuneError(unknown)


def launcher_of(device: str) -> List[str]:
    """The command that has to run a step on a device instead of this process; empty where none has to."""
    python = poptorch_python(device)
    return [python] if python else torchrun.launcher(device)


def poptorch_python(device: str) -> Optional[str]:
    """The interpreter in which a step for a device has to run; None where this one will do.

    Graphcore's SDK brings PopTorch for Python 3.8, while pipelines need a newer one. BadInput where the device is an
    IPU and no interpreter with PopTorch is known.
    """
    if device != "ipu" or find_spec("poptorch"):
        return None
    value = IPU_PYTHON.value()
    python = shutil.which(value) if value else None
    if python is None:
        set_to = f"{IPU_PYTHON.name} is {value!r}" if value else f"{IPU_PYTHON.name} is not set"
        raise BadInput(
            "this Python has no PopTorch, which comes with Graphcore's SDK for a Python of its own; set "
            f"{IPU_PYTHON.name} to that one's path, with podtune installed in it; {set_to}"
        )
    return python


def _options(arguments: Mapping[str, object], directory: Path) -> Iterator[str]:
    """Write the command line's options; a section of the recipe goes into a file."""
    for name, value in arguments.items():
        yield f"--{name.replace('_', '-')}"
        if isinstance(value, Mapping):
            section = directory / f"{name}.section.json"
            section.write_text(json.dumps(value), encoding="utf-8")
            yield str(section)
        else:
            yield str(value)
