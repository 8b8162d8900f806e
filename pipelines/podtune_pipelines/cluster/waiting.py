"""A run followed to its end.

KFP's own wait_for_run_completion polls a cancelled run until its time limit, and does not tell a failed one apart.
"""

import time
from dataclasses import dataclass
from typing import Callable, Dict

from podtune.errors import TryAgainLater

from podtune_pipelines.cluster.client import Cluster
from podtune_pipelines.cluster.runs import ENDED, Run, Step, read_run, seconds_between

_OUTAGE = 300.0
"""Seconds for which a cluster may be unreachable while a run is followed: its API restarts now and then."""

Report = Callable[[str], None]


@dataclass(frozen=True)
class Polling:
    """How a run is polled."""

    interval: float = 5.0
    """Seconds between two requests."""

    limit: float = 0.0
    """Seconds after which waiting ends; 0 for none."""

    outage: float = _OUTAGE


def follow(cluster: Cluster, run: str, polling: Polling, report: Report) -> Run:
    """Poll a run until it has ended, and report each change of a step once; TryAgainLater at the time limit."""
    reported: Dict[str, str] = {}
    begun = answered = time.monotonic()
    while True:
        current, answered = _poll(cluster, run, polling=polling, answered=answered, report=report)
        if current:
            _report_changes(current, reported, report)
        if current and current.state in ENDED:
            return current
        if polling.limit and time.monotonic() - begun >= polling.limit:
            state = current.state if current else "of unknown state"
            raise TryAgainLater(
                f"run {run} is still {state} after {polling.limit:g} s, and continues; follow it: `podtune wait {run}`"
            )
        time.sleep(polling.interval)


def _poll(
    cluster: Cluster, run: str, *, polling: Polling, answered: float, report: Report
) -> "tuple[Run | None, float]":
    """The run as it is now, and when that was; None while the cluster is unreachable for a short time."""
    try:
        return read_run(cluster, run), time.monotonic()
    except TryAgainLater as error:
        if time.monotonic() - answered > polling.outage:
            raise
        report(f"{error}; waiting")
        return None, answered


def _report_changes(run: Run, reported: Dict[str, str], report: Report) -> None:
    for step in run.steps:
        if step.state != "pending" and reported.get(step.name) != step.state:
            reported[step.name] = step.state
            report(f"{step.name}: {step.state}{_duration(step)}")


def _duration(step: Step) -> str:
    seconds = seconds_between(step.started, step.ended)
    return f" after {seconds:.0f} s" if step.state in ENDED and seconds is not None else ""
