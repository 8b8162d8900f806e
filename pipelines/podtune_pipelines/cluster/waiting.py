"""A run followed to its end.

KFP's own wait_for_run_completion polls a cancelled run until its time limit, and reports a failed one as any other.
"""

import time
from dataclasses import dataclass
from typing import Callable, Dict

from podtune.errors import TryAgainLater

from podtune_pipelines.cluster.client import Cluster
from podtune_pipelines.cluster.runs import ENDED, Run, Step, read_run, seconds_between

_OUTAGE = 300.0
"""Seconds for which a cluster may be away while a run is followed: its API restarts now and then."""

Say = Callable[[str], None]


@dataclass(frozen=True)
class Patience:
    """How a run is waited for."""

    interval: float = 5.0
    """Seconds between two looks."""

    limit: float = 0.0
    """Seconds after which waiting ends; 0 for none."""

    outage: float = _OUTAGE


def follow(cluster: Cluster, run: str, patience: Patience, say: Say) -> Run:
    """Wait until a run has ended, and tell each change of a step once; TryAgainLater at the time limit."""
    told: Dict[str, str] = {}
    begun = answered = time.monotonic()
    while True:
        found, answered = _look(cluster, run, patience=patience, answered=answered, say=say)
        if found:
            _tell_changes(found, told, say)
        if found and found.state in ENDED:
            return found
        if patience.limit and time.monotonic() - begun >= patience.limit:
            state = found.state if found else "of unknown state"
            raise TryAgainLater(
                f"run {run} is still {state} after {patience.limit:g} s; it goes on: `podtune wait {run}`"
            )
        time.sleep(patience.interval)


def _look(cluster: Cluster, run: str, *, patience: Patience, answered: float, say: Say) -> "tuple[Run | None, float]":
    """The run as it is now, and when it was seen; None while the cluster is away for a short time."""
    try:
        return read_run(cluster, run), time.monotonic()
    except TryAgainLater as error:
        if time.monotonic() - answered > patience.outage:
            raise
        say(f"{error}; waiting")
        return None, answered


def _tell_changes(run: Run, told: Dict[str, str], say: Say) -> None:
    for step in run.steps:
        if step.state != "pending" and told.get(step.name) != step.state:
            told[step.name] = step.state
            say(f"{step.name}: {step.state}{_duration(step)}")


def _duration(step: Step) -> str:
    seconds = seconds_between(step.started, step.ended)
    return f" after {seconds:.0f} s" if step.state in ENDED and seconds is not None else ""
