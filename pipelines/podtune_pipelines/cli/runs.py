"""`podtune runs`, `wait`, `cancel` and `retry`: a cluster's runs, listed, or one followed, stopped or tried again."""

import dataclasses
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Tuple

import typer
from podtune.errors import BadInput

from podtune_pipelines.cli import options

if TYPE_CHECKING:
    from podtune_pipelines.cluster.client import Cluster
    from podtune_pipelines.cluster.runs import Run
    from podtune_pipelines.cluster.waiting import Patience


def runs(
    host: options.Host = "",
    namespace: options.Namespace = "",
    experiment: options.Experiment = "podtune",
    last: Annotated[int, typer.Option(min=1, help="Number of runs to list.")] = 10,
    home: options.Home = options.DEFAULT_HOME,
    as_json: options.Json = False,
) -> None:
    """List the newest runs on a KFP cluster, or on this machine.

    With a host, shows how each run on KFP ended, its start and duration, and whether a schedule started it: unchanged
    is a scheduled run that stopped before training, refused one that did not pass the gate. Without one, shows the
    runs in the home.
    """
    if not host:
        _list_local(home, last, as_json)
        return
    from podtune_pipelines.cluster.client import connect
    from podtune_pipelines.cluster.outcome import outcome_of
    from podtune_pipelines.cluster.runs import newest_runs

    cluster = connect(host, namespace)
    newest = newest_runs(cluster, experiment, last)
    outcomes = [outcome_of(cluster, run) for run in newest]
    if as_json:
        options.print_json([{**dataclasses.asdict(run), "outcome": each} for run, each in zip(newest, outcomes)])
        return
    for run, outcome in zip(newest, outcomes):
        print(_line(run, outcome))


def _list_local(home: Path, last: int, as_json: bool) -> None:
    from podtune_pipelines.home import Home, local_runs
    from podtune_pipelines.sizes import size_in_words

    found = local_runs(Home(home), last)
    if as_json:
        options.print_json([{**dataclasses.asdict(run), "directory": str(run.directory)} for run in found])
        return
    for run in found:
        started, size = run.started[:16].replace("T", " "), size_in_words(run.bytes)
        print(f"{started}  {run.outcome:<22}  {size:>12}  {run.directory}")
    if not found:
        _say(f"nothing has run in {home}; --host lists the runs on a cluster")


RunArgument = Annotated[str, typer.Argument(help="The run's ID, or its address as `podtune submit` prints it.")]

Attempts = Annotated[
    int,
    typer.Option(min=1, help="With --wait: how often to try, if a pod is lost or a server away; finished steps stay."),
]


def wait(
    run: RunArgument,
    host: options.Host = "",
    namespace: options.Namespace = "",
    timeout: options.Timeout = 0.0,
    start_within: options.StartWithin = 0.0,
    interval: options.Interval = 5.0,
    as_json: options.Json = False,
) -> None:
    """Follow a run on a KFP cluster until it ends.

    If the run fails, shows the failed step and the end of its log, and exits with that step's exit code.
    """
    from podtune_pipelines.cluster.runs import read_run
    from podtune_pipelines.cluster.waiting import Patience

    cluster, run_id = _opened(run, host, namespace)
    read_run(cluster, run_id)  # whoever may not, or names none, is told before anything is said to continue
    patience = Patience(interval, timeout, start_limit=60 * start_within)
    follow_to_end(cluster, run_id, patience, as_json=as_json)


def cancel(
    run: RunArgument,
    host: options.Host = "",
    namespace: options.Namespace = "",
    forget: Annotated[bool, typer.Option("--forget", help="Remove it from KFP if its workflow is gone.")] = False,
) -> None:
    """Cancel a run on a KFP cluster.

    A training loses what it did since its newest checkpoint.
    """
    from podtune_pipelines.cluster.runs import Gone, cancel_run, forget_run

    cluster, run_id = _opened(run, host, namespace)
    try:
        cancel_run(cluster, run_id)
        print(f"cancelled: {run_id}")
    except Gone as error:
        if not forget:
            raise Gone(f"{error}; `podtune cancel {run_id} --forget` removes it") from error
        forget_run(cluster, run_id)
        print(f"removed: {run_id}, whose workflow was gone")


def retry(
    run: RunArgument,
    host: options.Host = "",
    namespace: options.Namespace = "",
    wait: Annotated[bool, typer.Option("--wait", help="Follow the run to its end and exit as it ends.")] = False,
    attempts: Attempts = 1,
    timeout: options.Timeout = 0.0,
    start_within: options.StartWithin = 0.0,
    interval: options.Interval = 5.0,
    as_json: options.Json = False,
) -> None:
    """Try a failed or cancelled run again.

    Steps that are done stay as they are; training continues from its newest checkpoint.
    """
    from podtune_pipelines.cluster.runs import read_run, retry_run
    from podtune_pipelines.cluster.waiting import Patience

    cluster, run_id = _opened(run, host, namespace)
    state = read_run(cluster, run_id).state
    if state not in ("failed", "canceled"):
        raise BadInput(f"run {run_id} is {state}; only a failed or cancelled run can be tried again")
    retry_run(cluster, run_id)
    _say(f"trying again: {run_id}")
    if wait:
        patience = Patience(interval, timeout, start_limit=60 * start_within)
        follow_to_end(cluster, run_id, patience, as_json=as_json, attempts=attempts)


def _opened(run: str, host: str, namespace: str) -> "Tuple[Cluster, str]":
    from podtune_pipelines.cluster.client import connect

    cluster, run_id = connect(host, namespace), run.rstrip("/").rpartition("/")[2]
    if not run_id:
        raise BadInput(f"a run must be an ID or an address; got {run!r}")
    return cluster, run_id


def follow_to_end(cluster: "Cluster", run: str, patience: "Patience", *, as_json: bool, attempts: int = 1) -> None:
    """Follow a run and print its final state; raise the failed step's error, with its log on stderr."""
    from podtune_pipelines.cluster.outcome import failure_of_run, is_worth_a_retry, stop_reason
    from podtune_pipelines.cluster.runs import retry_run
    from podtune_pipelines.cluster.waiting import follow

    try:
        while True:
            ended = follow(cluster, run, _say, patience)
            failure, attempts = failure_of_run(cluster, ended, _say), attempts - 1
            if not failure or not attempts or not is_worth_a_retry(failure):
                break
            _say(f"{failure}; trying again")
            retry_run(cluster, run)
    except KeyboardInterrupt:
        _say(f"run {run} continues; follow it again with `podtune wait {run}`")
        raise SystemExit(130) from None
    if ended.state == "succeeded" and ended.stopped_early:
        _say("nothing was trained, because nothing changed:")
        for line in stop_reason(cluster, ended):
            _say(f"  check_unchanged | {line}")
    if as_json:
        options.print_json(ended)
    else:
        print(ended.state)
    if failure:
        raise failure


def _line(run: "Run", outcome: str) -> str:
    """One line a run; a table would truncate the ID, which is there to be copied."""
    from podtune_pipelines.cluster.runs import seconds_between

    started = (run.created or "")[:16].replace("T", " ")
    seconds = seconds_between(run.created, run.ended)
    minutes, rest = divmod(int(seconds or 0), 60)
    duration = "" if seconds is None else f"{minutes // 60}:{minutes % 60:02}:{rest:02}"
    by = " (by schedule)" if run.schedule else ""
    return f"{run.id}  {outcome:9}  {started}  {duration:>8}  {run.name}{by}"


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
