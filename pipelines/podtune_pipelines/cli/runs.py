"""`podtune runs` and `podtune wait`: a cluster's runs, listed, or one followed to its end."""

import re
import sys
from typing import TYPE_CHECKING, Annotated, List

import typer
from podtune.errors import BadInput, PodtuneError, failure_of

from podtune_pipelines.cli import options

if TYPE_CHECKING:
    from podtune_pipelines.cluster.client import Cluster
    from podtune_pipelines.cluster.runs import Run, Step


def runs(
    host: options.Host = "",
    namespace: options.Namespace = "",
    experiment: options.Experiment = "podtune",
    last: Annotated[int, typer.Option(min=1, help="Number of runs to list.")] = 10,
    as_json: options.Json = False,
) -> None:
    """List the newest runs on a KFP cluster.

    Shows each run's state, start and duration, and whether a schedule started it.
    """
    from podtune_pipelines.cluster.client import connect
    from podtune_pipelines.cluster.runs import newest_runs

    newest = newest_runs(connect(host, namespace), experiment, last)
    if as_json:
        options.print_json(newest)
        return
    for run in newest:
        print(_line(run))


def wait(
    run: Annotated[str, typer.Argument(help="The run's ID, or its address as `podtune submit` prints it.")],
    host: options.Host = "",
    namespace: options.Namespace = "",
    timeout: options.Timeout = 0.0,
    interval: options.Interval = 5.0,
    as_json: options.Json = False,
) -> None:
    """Follow a run on a KFP cluster until it ends.

    If the run fails, shows the failed step and the end of its log, and exits with that step's exit code.
    """
    from podtune_pipelines.cluster.client import connect

    cluster, run_id = connect(host, namespace), run.rstrip("/").rpartition("/")[2]
    if not run_id:
        raise BadInput(f"a run must be an ID or an address; got {run!r}")
    follow_to_end(cluster, run_id, timeout=timeout, interval=interval, as_json=as_json)


def follow_to_end(cluster: "Cluster", run: str, *, timeout: float, interval: float, as_json: bool) -> None:
    """Follow a run and print its final state; raise the failed step's error, with its log on stderr."""
    from podtune_pipelines.cluster.waiting import follow

    try:
        ended = follow(cluster, run, _say, interval=interval, limit=timeout)
    except KeyboardInterrupt:
        _say(f"run {run} continues; follow it again with `podtune wait {run}`")
        raise SystemExit(130) from None
    if as_json:
        options.print_json(ended)
    else:
        print(ended.state)
    _fail_as(ended, _show_logs(cluster, ended))


def _line(run: "Run") -> str:
    """One line a run; a table would truncate the ID, which is there to be copied."""
    from podtune_pipelines.cluster.runs import seconds_between

    started = (run.created or "")[:16].replace("T", " ")
    seconds = seconds_between(run.created, run.ended)
    minutes, rest = divmod(int(seconds or 0), 60)
    duration = "" if seconds is None else f"{minutes // 60}:{minutes % 60:02}:{rest:02}"
    by = " (by schedule)" if run.schedule else ""
    return f"{run.id}  {run.state:9}  {started}  {duration:>8}  {run.name}{by}"


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _show_logs(cluster: "Cluster", run: "Run") -> List[str]:
    """Show and return the ends of the logs that explain how a run ended."""
    if run.state == "succeeded" and run.stopped_early:
        _say("nothing was trained, because nothing changed since the live release:")
        return [_show_log(cluster, run, step, "stop: ") for step in run.steps if step.name == "check_unchanged"]
    return [_show_log(cluster, run, step) for step in run.steps if step.state == "failed"]


def _show_log(cluster: "Cluster", run: "Run", step: "Step", pattern: str = "") -> str:
    """Show the end of a step's log, or only its lines that contain `pattern` if there are any; return all of it."""
    from podtune_pipelines.cluster.waiting import last_lines

    try:
        lines = last_lines(cluster, run, step)
    except PodtuneError as error:
        _say(f"  the log of {step.name} is not available: {error}")
        return ""
    for line in [line for line in lines if pattern in line] or lines:
        _say(f"  {step.name} | {line}")
    return "\n".join(lines)


def _fail_as(run: "Run", logs: List[str]) -> None:
    message = f": {run.message}" if run.message else ""
    if run.state == "failed":
        steps = ", ".join(run.steps_that("failed")) or "none of its steps"
        raise failure_of(_exit_code(logs), f"run {run.id} failed in {steps}{message}; see {run.url}")
    if run.state == "canceled":
        running = ", ".join(run.steps_that("running", "canceling", "canceled", "failed")) or "no step was running"
        raise PodtuneError(f"run {run.id} was cancelled ({running}){message}; see {run.url}")


def _exit_code(logs: List[str]) -> int:
    """A step's exit code, which KFP's launcher reports in the log only."""
    codes = re.findall(r"failed to execute component: exit status ([0-9]+)", "\n".join(logs))
    return int(codes[-1]) if codes else PodtuneError.exit_code
