"""A whole pipeline on this machine, through KFP's local runner."""

import contextlib
import logging
import os
import shutil
import signal
import sys
import tempfile
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, Iterator

import psutil
from kfp import local
from podtune.errors import MESSAGE_FILE_VARIABLE, PodtuneError, read_failure
from podtune.progress import TERMINAL_VARIABLE

from podtune_pipelines.graphs import arguments_of, pipeline_of, preparation_of, preparing_arguments_of
from podtune_pipelines.placement import Placement
from podtune_pipelines.recipe import Recipe
from podtune_pipelines.reuse import Reuse, reuse_keys
from podtune_pipelines.run_log import RunLog, without_colour


@dataclass(frozen=True)
class Home:
    """The directory that holds everything a local run leaves."""

    directory: Path

    @property
    def runs(self) -> Path:
        """KFP's pipeline root: the artifacts of every run."""
        return self.directory / "runs"

    @property
    def reuse(self) -> Reuse:
        return Reuse(self.directory / "reuse")

    @property
    def workspace(self) -> Path:
        """Checkpoints of runs that did not end."""
        return self.directory / "training"

    @property
    def log(self) -> Path:
        """All that the newest run said."""
        return self.directory / "run.log"


def run_here(recipe: Recipe, command: str, home: Home, store: str, device: str) -> Path:
    """Run a recipe's pipeline on this machine and return its Release; a failed step's error is raised as its own."""
    pipeline = pipeline_of(recipe, _here(recipe, device))
    return _run(pipeline, arguments_of(recipe, command, store=store, workspace=str(home.workspace.resolve())), home)


def prepare_here(recipe: Recipe, home: Home, device: str) -> Path:
    """Run a recipe's preparing steps on this machine and return its Features; `run_here` reuses them."""
    pipeline = preparation_of(recipe, _here(recipe, device))
    return _run(pipeline, preparing_arguments_of(recipe), home)


def _here(recipe: Recipe, device: str) -> Placement:
    return Placement(device, cache_keys=reuse_keys(recipe, device), on_this_machine=True)


def _run(pipeline: Any, arguments: Dict[str, Any], home: Home) -> Path:
    """Run a pipeline and return the path of its output artifact."""
    home.runs.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings(), _messages() as message_file, _python3_is_this(), _passing_on_sigterm():
        warnings.simplefilter("ignore")  # KFP warns of every cluster setting that it ignores here
        local.init(
            local.SubprocessRunner(use_venv=False),
            pipeline_root=str(home.runs),
            enable_caching=True,
            cache_root=str(home.reuse.directory),
        )
        with home.log.open("w", encoding="utf-8") as everything, _said_to(RunLog(everything, sys.stderr)):
            try:
                return Path(pipeline(**arguments).output.uri)
            except RuntimeError as error:
                unexpected = PodtuneError(f"{without_colour(str(error))} The end of {home.log} says why")
                raise read_failure(message_file) or unexpected from None


@contextlib.contextmanager
def _said_to(log: RunLog) -> Iterator[None]:
    """Have all that KFP prints and logs in this process written to `log`."""
    root = logging.getLogger()
    before = root.handlers[:]
    root.handlers[:] = [logging.StreamHandler(log)]
    try:
        with contextlib.redirect_stdout(log):
            yield
    finally:
        root.handlers[:] = before


@contextlib.contextmanager
def _messages() -> Iterator[Path]:
    """Have the steps report how they end, and draw their progress bars on the terminal."""
    with tempfile.TemporaryDirectory() as directory:
        message_file = Path(directory) / "message.json"
        added = {MESSAGE_FILE_VARIABLE: str(message_file)}
        if sys.stderr.isatty():
            added[TERMINAL_VARIABLE] = os.ttyname(sys.stderr.fileno())
        before = dict(os.environ)
        os.environ.update(added)
        try:
            yield message_file
        finally:
            os.environ.clear()
            os.environ.update(before)


@contextlib.contextmanager
def _python3_is_this() -> Iterator[None]:
    """Have the steps run in this interpreter by the name python3.

    KFP's runner puts the interpreter's path in place of python3 everywhere in a step's arguments, also inside a
    path such as lib/python3.11/… that somebody passes (kfp 2.17, replace_python_executable).
    """
    path, executable = os.environ["PATH"], sys.executable
    directory = str(Path(executable).parent)
    if shutil.which("python3", path=directory):
        os.environ["PATH"], sys.executable = f"{directory}{os.pathsep}{path}", "python3"
    try:
        yield
    finally:
        os.environ["PATH"], sys.executable = path, executable


@contextlib.contextmanager
def _passing_on_sigterm() -> Iterator[None]:
    """Send SIGTERM on to the step that is running, which then writes its checkpoint and ends."""

    def pass_on(signum: int, frame: Any) -> None:  # noqa: ARG001  # the signature of a handler
        for process in psutil.Process().children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                if "python" in process.name():
                    process.terminate()

    before = signal.signal(signal.SIGTERM, pass_on)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
