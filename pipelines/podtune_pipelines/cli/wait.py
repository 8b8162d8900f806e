"""`podtune wait`: a run on a cluster, followed to its end."""

import dataclasses
import json
import re
import sys
from typing import TYPE_CHECKING, Annotated, List

import typer
from podtune.errors import BadInput, PodtuneError, failure_of

from podtune_pipelines.cli.cluster_options import HostOption, IntervalOption, NamespaceOption, TimeoutOption
from podtune_pipelines.cli.options import JsonOption

if TYPE_CHECKING:
    from podtune_pipelines.cluster.client import Cluster
    from podtune_pipelines.cluster.runs import Run, Step


def wait(
    run: Annotated[str, typer.Argument(help="The run's ID, or its address as `podtune submit` prints it.")],
    host: HostOption = "",
    namespace: NamespaceOption = "",
    timeout: TimeoutOption = 0.0,
    interval: IntervalOption = 5.0,
    as_json: JsonOption = False,
) -> None:
    """Follow a run step by step; fail as it fails, with the step that did and the end of its log."""
    from podtune_pipelines.cluster.client import address_of, connect

    cluster = connect(address_of(host, namespace))
    follow_to_end(cluster, run_id(run), timeout=timeout, interval=interval, as_json=as_json)


def run_id(given: str) -> str:
    """The ID in a run's address."""
    found = given.rstrip("/").rpartition("/")[2]
    if not found:
        raise BadInput(f"a run must be given by its ID or address; got {given!r}")
    return found


def follow_to_end(cluster: "Cluster", run: str, *, timeout: float, interval: float, as_json: bool) -> None:
    """Follow a run and print its state; an error says which step failed and what it said."""
    from podtune_pipelines.cluster.waiting import Patience, follow

    try:
        ended = follow(cluster, run, Patience(interval, timeout), _say)
    except KeyboardInterrupt:
        _say(f"run {run} goes on; `podtune wait {run}` follows it again")
        raise SystemExit(130) from None
    print(json.dumps(dataclasses.asdict(ended), indent=1) if as_json else ended.state)
    _fail_as(ended, _tell_why(cluster, ended))


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _tell_why(cluster: "Cluster", run: "Run") -> List[str]:
    """Show the end of the logs that explain how a run ended, and return it."""
    if run.state == "succeeded" and run.stopped_early:
        _say("nothing was trained, because nothing changed since the live release:")
        return [_show_log(cluster, run, step, "stop: ") for step in run.steps if step.name == "check_unchanged"]
    return [_show_log(cluster, run, step) for step in run.steps if step.state == "failed"]


def _show_log(cluster: "Cluster", run: "Run", step: "Step", about: str = "") -> str:
    """Show the end of a step's log, or those of its lines that are about something, and return it."""
    from podtune_pipelines.cluster.logs import last_lines

    try:
        lines = last_lines(cluster, run, step)
    except PodtuneError as error:
        _say(f"  the log of {step.name} cannot be had: {error}")
        return ""
    for line in [line for line in lines if about in line] or lines:
        _say(f"  {step.name} | {line}")
    return "\n".join(lines)


def _fail_as(run: "Run", logs: List[str]) -> None:
    said = f": {run.message}" if run.message else ""
    if run.state == "failed":
        at = ", ".join(run.steps_that("failed")) or "none of its steps"
        raise failure_of(_exit_code(logs), f"run {run.id} failed in {at}{said}; see {run.url}")
    if run.state == "canceled":
        running = ", ".join(run.steps_that("running", "canceling", "canceled", "failed")) or "no step was running"
        raise PodtuneError(f"run {run.id} was cancelled ({running}){said}; see {run.url}")


def _exit_code(logs: List[str]) -> int:
    """A step's exit code, which KFP's launcher tells in the log alone."""
    found = re.findall(r"failed to execute component: exit status ([0-9]+)", "\n".join(logs))
    return int(found[-1]) if found else PodtuneError.exit_code
