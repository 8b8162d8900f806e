"""A recipe's pipeline on this machine, through KFP's local runner."""

import contextlib
import logging
import os
import shutil
import sys
import tempfile
import warnings
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping, Optional

import psutil
from podtune.environment import CURVES, MESSAGE_FILE, RUNNER, TERMINAL
from podtune.errors import Interrupted, PodtuneError, TryAgainLater, read_failure
from podtune.formats.sums import kept_in
from podtune.signals import handling

from podtune_pipelines.compiled_graph import graph_of
from podtune_pipelines.graphs import arguments_of, pipeline_of, preparation_of, preparing_arguments_of
from podtune_pipelines.home import Home
from podtune_pipelines.identity import identity_of
from podtune_pipelines.kfp_compiler import local
from podtune_pipelines.placement import Placement
from podtune_pipelines.recipe import Recipe
from podtune_pipelines.reuse import Outputs, reusable, serving
from podtune_pipelines.run_log import RunLog, without_colour

_TEMPORARY = 1 << 20
"""Bytes that a run needs where temporary files go."""

_SHOWN = (
    ("write_card", "model_card", {"report": "report.html", "card": "README.md"}),
    ("evaluate", "scores", {"answers": "examples.jsonl"}),
    ("finetune", "checkpoint", {"checkpoint": ""}),
)
"""Step, output, and which of its files are for people."""


def run_locally(recipe: Recipe, home: Home, store: str, device: str) -> Path:
    """Run a recipe's pipeline on this machine and return its Release; a failed step's error is raised as its own."""
    with kept_in(home.sums):
        return _run(pipeline_of(recipe, _placement(recipe, device)), _arguments(recipe, home, store), home, recipe.slug)


def prepare_locally(recipe: Recipe, home: Home, device: str) -> Path:
    """Run a recipe's preparing steps on this machine and return its Features; `run_locally` reuses them."""
    with kept_in(home.sums):
        pipeline = preparation_of(recipe, _placement(recipe, device))
        return _run(pipeline, preparing_arguments_of(recipe), home, recipe.slug)


def reusable_locally(recipe: Recipe, home: Home, device: str) -> Dict[str, Optional[Outputs]]:
    """Each step of `run_locally` to the outputs that it would reuse, None where it would run; nothing is run."""
    arguments = _arguments(recipe, home)
    with kept_in(home.sums):
        return reusable(graph_of(recipe, _placement(recipe, device), arguments), arguments, home.results)


def left_behind(recipe: Recipe, home: Home, reused: Mapping[str, Outputs], begun: float) -> Dict[str, Path]:
    """What a run that began at that time has made or reused and a person may want to see, also one that failed."""
    runs = sorted(home.runs.glob(f"podtune-{recipe.slug}-[0-9]*"))
    newest = runs[-1] if runs and runs[-1].stat().st_mtime >= begun else None
    found: Dict[str, Path] = {}
    for step, output, files in _SHOWN:
        if newest and (newest / step.replace("_", "-") / output).exists():
            directory = newest / step.replace("_", "-") / output
        elif step in reused:
            directory = Path(reused[step][output].path)
        else:
            continue
        found.update({what: _from_here(directory / name) for what, name in files.items()})
    if home.log(recipe.slug).exists() and home.log(recipe.slug).stat().st_mtime >= begun:
        found["log"] = home.log(recipe.slug)
    return found


def _from_here(path: Path) -> Path:
    """A path as it is typed in the working directory, where it lies below that."""
    try:
        return path.resolve().relative_to(Path.cwd())
    except ValueError:
        return path


def _placement(recipe: Recipe, device: str) -> Placement:
    return Placement(device, identity=partial(identity_of, recipe), on_this_machine=True)


def _arguments(recipe: Recipe, home: Home, store: str = "") -> Dict[str, Any]:
    return arguments_of(recipe, store=store, workspace=str(home.workspace.resolve()))


def _run(pipeline: Any, arguments: Dict[str, Any], home: Home, recipe: str) -> Path:
    home.runs.mkdir(parents=True, exist_ok=True)
    log_file, steps = home.log(recipe), len(pipeline.pipeline_spec.root.dag.tasks)
    log_file.parent.mkdir(exist_ok=True)
    with warnings.catch_warnings(), _environment_of_steps(
        home, recipe
    ) as message_file, _passing_on_signals() as signals:
        warnings.simplefilter("ignore")  # KFP warns of every cluster setting that it ignores here
        local.init(local.SubprocessRunner(use_venv=False), pipeline_root=str(home.runs))
        with log_file.open("w", encoding="utf-8") as log, _logging_to(RunLog(log, sys.stderr, steps)), serving(
            home.results
        ):
            try:
                return Path(pipeline(**arguments).output.uri)
            except RuntimeError as error:
                failure = read_failure(message_file)
                if signals:
                    raise _stopped(failure, signals[0]) from None
                unexpected = PodtuneError(f"{without_colour(str(error))} The end of {log_file} says why")
                raise failure or unexpected from None


def _stopped(failure: Optional[PodtuneError], number: int) -> Interrupted:
    """The end by a signal, with what the step said of it, and the exit code that shells give it."""
    said = str(failure) if isinstance(failure, Interrupted) else "stopped; steps that are done stay"
    stopped = Interrupted(f"{said}; the same command continues" if "start again" not in said else said)
    stopped.exit_code = 128 + number
    return stopped


@contextlib.contextmanager
def _logging_to(log: RunLog) -> Iterator[None]:
    """Have all that KFP prints and logs in this process written to `log`.

    KFP prints the lines of its steps to sys.stdout, where our commands write nothing but their result, and logs
    through the root logger: left alone, `podtune run --json` would end in no JSON, and the terminal show everything.
    """
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    root.handlers[:] = [logging.StreamHandler(log)]
    root.setLevel(logging.INFO)
    try:
        with contextlib.redirect_stdout(log):
            yield
    finally:
        root.handlers[:] = before
        root.setLevel(level)


@contextlib.contextmanager
def _environment_of_steps(home: Home, recipe: str) -> Iterator[Path]:
    """Set what the steps inherit; yield the file in which one that fails leaves its message and exit code.

    In this process, because KFP starts the steps with its environment and accepts no other. Without the file every
    failure would end in exit code 1 and a traceback in the log; without the terminal there would be no progress
    bars. KFP puts sys.executable in place of python3 everywhere in a step's arguments, also inside a path such as
    lib/python3.11/… that somebody passes, which is then not found: so the interpreter is called python3, and PATH
    leads to it (kfp 2.17, replace_python_executable).
    """
    _require_temporary_space(Path(os.environ.get("TMPDIR") or "/tmp"))  # noqa: S108  # as mktemp does
    environment, executable = dict(os.environ), sys.executable
    directory = str(Path(executable).parent)
    with tempfile.TemporaryDirectory() as messages:
        os.environ[MESSAGE_FILE.name] = str(Path(messages) / "message.json")
        os.environ[RUNNER.name] = str(os.getpid())
        os.environ[CURVES.name] = str(home.curves.resolve() / f"{recipe}-{datetime.now():%Y-%m-%d-%H-%M-%S}")
        if sys.stderr.isatty():
            os.environ[TERMINAL.name] = os.ttyname(sys.stderr.fileno())
        if shutil.which("python3", path=directory):
            os.environ["PATH"], sys.executable = f"{directory}{os.pathsep}{environment['PATH']}", "python3"
        try:
            yield Path(messages) / "message.json"
        finally:
            os.environ.clear()
            os.environ.update(environment)
            sys.executable = executable


def _require_temporary_space(directory: Path) -> None:
    """TryAgainLater where KFP could not write its steps' programs; the shell that does it does not say so."""
    if directory.is_dir() and shutil.disk_usage(directory).free < _TEMPORARY:
        raise TryAgainLater(f"no space left in {directory}, where temporary files go; free some, or set TMPDIR")


@contextlib.contextmanager
def _passing_on_signals() -> Iterator[List[int]]:
    """Send signals to end on to the step that is running, which then saves its state; yield those that have come.

    KFP waits for its step and tells it nothing: without this the step would train on, and its run be gone. A second
    signal ends the step at once.
    """
    came: List[int] = []

    def pass_on(signum: int, frame: Any) -> None:  # noqa: ARG001  # the signature of a handler
        came.append(signum)
        steps = [one for one in psutil.Process().children(recursive=True) if _is_python(one)]
        for process in steps:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.terminate() if len(came) == 1 else process.kill()
        if not steps:  # between two of them
            raise _stopped(None, signum)

    with handling(pass_on):
        yield came


def _is_python(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        return "python" in process.name()
    return False
