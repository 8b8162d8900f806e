"""A run followed to its end, and the ends of its steps' logs.

KFP's own wait_for_run_completion polls a cancelled run until its time limit, and does not tell a failed one apart.
"""

import time
from typing import Any, Callable, Dict, Tuple

import urllib3
from podtune.errors import BadInput, PodtuneError, TryAgainLater

from podtune_pipelines.cluster.client import Cluster
from podtune_pipelines.cluster.runs import ENDED, Run, Step, read_run, seconds_between

_OUTAGE = 300.0
"""Seconds for which a cluster may be unreachable while a run is followed: its API restarts now and then."""

_LINES = 20
_BYTES = 1 << 16

Report = Callable[[str], None]


def follow(
    cluster: Cluster, run: str, report: Report, *, interval: float = 5.0, limit: float = 0.0, outage: float = _OUTAGE
) -> Run:
    """Poll a run until it has ended, and report each change of a step once.

    All times are in seconds; TryAgainLater after `limit`, unless that is 0, or when the cluster is away for `outage`.
    """
    reported: Dict[str, str] = {}
    begun = answered = time.monotonic()
    while True:
        state = "of unknown state"
        try:
            current, answered = read_run(cluster, run), time.monotonic()
            state = current.state
            _report_changes(current, reported, report)
        except TryAgainLater as error:
            if time.monotonic() - answered > outage:
                raise
            report(f"{error}; waiting")
        if state in ENDED:
            return current
        if limit and time.monotonic() - begun >= limit:
            so_far = f"run {run} is still {state} after {limit:g} s, and continues"
            raise TryAgainLater(f"{so_far}; follow it: `podtune wait {run}`")
        time.sleep(interval)


def _report_changes(run: Run, reported: Dict[str, str], report: Report) -> None:
    for step in run.steps:
        if step.state != "pending" and reported.get(step.name) != step.state:
            reported[step.name] = step.state
            seconds = seconds_between(step.started, step.ended)
            duration = f" after {seconds:.0f} s" if step.state in ENDED and seconds is not None else ""
            report(f"{step.name}: {step.state}{duration}")


def last_lines(cluster: Cluster, run: Run, step: Step) -> Tuple[str, ...]:
    """The end of a step's log; PodtuneError where it is not available, such as where its pods are gone."""
    problem: PodtuneError = BadInput(f"KFP does not say which pod {step.name} ran in")
    for pod in step.pods:
        try:
            return cluster.call(_read, cluster, run, pod)  # type: ignore[no-any-return]  # call returns what _read does
        except PodtuneError as error:
            problem = error
    raise problem


def _read(cluster: Cluster, run: Run, pod: str) -> Tuple[str, ...]:
    """Read from the address that KFP's pages use; it is not part of the API, and only a user interface has it."""
    query = {"podname": pod, "podnamespace": cluster.address.namespace, "createdat": (run.created or "")[:10]}
    answer = cluster.client.runs.api_client.call_api(
        "/k8s/pod/logs",
        "GET",
        query_params=[(key, value) for key, value in query.items() if value],
        header_params={"Accept": "text/plain"},
        auth_settings=["Bearer"],
        _host=(cluster.address.ui or cluster.address.host).rstrip("/"),
        _return_http_data_only=True,
        _preload_content=False,
    )
    with answer:
        return _tail(answer, cluster.address.host)


def _tail(answer: Any, host: str) -> Tuple[str, ...]:
    """The last lines of an answer of any length, without terminal control characters."""
    if "html" in answer.headers.get("content-type", ""):
        raise BadInput(f"{host} shows no logs")
    tail = b""
    try:
        for block in answer.stream(_BYTES):
            tail = (tail + block)[-_BYTES:]
    except urllib3.exceptions.HTTPError as error:
        raise TryAgainLater(f"{host} closed the connection while sending the log") from error
    lines = tail.decode("utf-8", errors="replace").split("\n")
    printable = ["".join(letter for letter in line if letter.isprintable()) for line in lines if line.strip()]
    return tuple(printable[-_LINES:])
