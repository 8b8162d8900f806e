"""The worker of an IPUJob: fetches a step's inputs, runs the step, and leaves its output in the job's place.

python -m podtune.ipujobs.worker '{"step": "finetune", …}' SCRATCH, which is what the manifest of a job says.
"""

import json
import logging
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Callable, Dict, List

from podtune.errors import MESSAGE_FILE_VARIABLE, PodtuneError, TryAgainLater, ending_cleanly, read_failure
from podtune.ipujobs.lease import LeaseWatch
from podtune.ipujobs.work import OUTPUT, Work
from podtune.sections import read_section
from podtune.stores.sealed_objects import bring, is_sealed, send
from podtune.stores.store import open_store
from podtune.training.stopping import noticing_signals

_POLL_SECONDS = 0.5
_GRACE_SECONDS = 300.0
"""For the step to write a checkpoint in, once it was asked to end."""

_NOBODY_WAITS = "nobody waits for it any more"

_log = logging.getLogger(__name__)


def run(work: Work, scratch: Path) -> None:
    """Do the work unless its output is there already, as after a pod that ended between sending and telling so."""
    place = open_store(work.place)
    if is_sealed(place, OUTPUT):
        _log.info("%s/%s is there already", work.place, OUTPUT)
        return
    with noticing_signals() as stopping:
        inputs = _bring(work.inputs, scratch)
        watch = LeaseWatch(place, work.lease_seconds)
        _run_step(work, {**inputs, work.output: scratch / work.output}, lambda: _ending(watch, stopping))
        _log.info("sending the output to %s", work.place)
        send(place, OUTPUT, scratch / work.output)


def _bring(inputs: Dict[str, str], scratch: Path) -> Dict[str, Path]:
    """Copy the inputs to this machine, unless an earlier call did."""
    paths = {name: scratch / name for name in inputs}
    for name, uri in inputs.items():
        if not paths[name].exists():
            _log.info("fetching %s from %s", name, uri)
            bring(open_store(uri), "", paths[name])
    return paths


def _ending(watch: LeaseWatch, stopping: Callable[[], bool]) -> str:
    """Why the step has to end now; empty where it need not."""
    if stopping():
        return "it was asked to"
    return _NOBODY_WAITS if watch.is_lost() else ""


def _run_step(work: Work, paths: Dict[str, Path], ending: Callable[[], str]) -> None:
    """Run the step in a process of its own, which a compiler that takes minutes cannot keep from being ended."""
    with tempfile.TemporaryDirectory() as directory:
        message_file, settings = Path(directory) / "message.json", Path(directory) / "settings.json"
        settings.write_text(json.dumps(work.settings), encoding="utf-8")
        arguments = {**work.options, **{name: str(path) for name, path in paths.items()}, "settings": str(settings)}
        environment = {**os.environ, MESSAGE_FILE_VARIABLE: str(message_file)}
        process = subprocess.Popen(_command(work.step, arguments), env=environment)  # noqa: S603  # our own module
        reason = _wait(process, ending)
        if process.returncode and reason == _NOBODY_WAITS:
            raise TryAgainLater(f"the worker ended because {reason}; start the step again, it continues")
        if process.returncode:
            raise read_failure(message_file) or PodtuneError(
                f"{work.step} ended with exit code {process.returncode}; the lines above say why"
            )


def _command(step: str, arguments: Dict[str, str]) -> List[str]:
    given = [text for name, value in arguments.items() for text in (f"--{name}", value)]
    return [sys.executable, "-m", f"podtune.{step}", *given]


def _wait(process: "subprocess.Popen[bytes]", ending: Callable[[], str]) -> str:
    """Wait for the end; return why it was brought about, if it was."""
    reason = ""
    while process.poll() is None and not reason:
        time.sleep(_POLL_SECONDS)
        reason = ending()
    if process.poll() is None:
        process.terminate()
        _log.warning("the step has to end: %s", reason)
    try:
        process.wait(_GRACE_SECONDS if reason else None)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    return reason


def main() -> None:
    """Read the arguments and do the work."""
    with ending_cleanly():
        work, scratch = json.loads(sys.argv[1]), Path(sys.argv[2])
        run(read_section(Work, work, "work"), scratch)


if __name__ == "__main__":
    main()
