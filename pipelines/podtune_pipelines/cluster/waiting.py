"""A run followed to its end.

KFP's own wait_for_run_completion polls a cancelled run until its time limit, and does not tell a failed one apart.
"""

import time
from dataclasses import dataclass, field
from typing import Callable, Dict

from podtune.errors import PodtuneError, TryAgainLater

from podtune_pipelines.cluster.client import Cluster, LoginNeeded
from podtune_pipelines.cluster.pods import has_no_pods, show_command, waiting_reasons
from podtune_pipelines.cluster.runs import ENDED, Run, cancel_run, read_run, seconds_between
from podtune_pipelines.cluster.steps import Step

_WORDS = {"waiting": "waiting for a machine", "succeeded": "done"}
"""A step's states for people, where they differ."""

Report = Callable[[str], None]


@dataclass(frozen=True)
class Patience:
    """Times in seconds."""

    interval: float = 5.0
    """Between two polls."""

    limit: float = 0.0
    """For the run; 0 for ever."""

    outage: float = 300.0
    """For which a cluster may be unreachable: its API restarts now and then."""

    settling: float = 15.0
    """For which steps may still move after the run has ended: KFP writes the two at different times."""

    start: float = 60.0
    """In which a step's pod should start."""

    start_limit: float = 0.0
    """After which a run is cancelled one of whose steps' pods has not started; 0 for never."""

    silence: float = 1800.0
    """After which a run in which nothing changes is looked at: its workflow may be gone."""


def follow(cluster: Cluster, run: str, report: Report, patience: Patience = Patience()) -> Run:  # frozen
    """Poll a run until it has ended and none of its steps moves; report each change of a step once.

    TryAgainLater after the limit, when the cluster is away for too long, or when it wants a new login; PodtuneError
    where the run's workflow is gone, so that KFP shows it as running for ever.
    """
    watch = _Watch(cluster, report, patience)
    begun = answered = time.monotonic()
    while True:
        state = "of unknown state"
        try:
            current, answered = read_run(cluster, run), time.monotonic()
        except LoginNeeded as error:
            raise _left(run, error) from error
        except TryAgainLater as error:
            if time.monotonic() - answered > patience.outage:
                raise _left(run, error) from error
            report(f"{error}; waiting")
        else:
            state = current.state
            watch.look_at(current)
        if state in ENDED and watch.has_settled(current):
            return current
        if patience.limit and time.monotonic() - begun >= patience.limit:
            so_far = f"run {run} is still {state} after {patience.limit:g} s, and continues"
            raise TryAgainLater(f"{so_far}; follow it: `podtune wait {run}`")
        time.sleep(patience.interval)


def _left(run: str, why: PodtuneError) -> TryAgainLater:
    """The error for a run that cannot be followed any more, with what follows it again."""
    return TryAgainLater(f"{why}; run {run} continues, follow it again with `podtune wait {run}`")


@dataclass
class _Watch:
    """What was seen of a run so far."""

    cluster: Cluster
    report: Report
    patience: Patience
    states: Dict[str, str] = field(default_factory=dict)
    """Of each step, as reported."""

    waiting: Dict[str, float] = field(default_factory=dict)
    """When a step's pod was first seen waiting."""

    since: Dict[str, float] = field(default_factory=dict)
    """When a step was first seen waiting, and with the empty name, when anything changed last."""

    ended: float = 0.0

    def look_at(self, run: Run) -> None:
        """Report what has changed, and pods that do not start."""
        for step in run.steps:
            if step.state != "pending" and self.states.get(step.name) != step.state:
                self.states[step.name] = step.state
                self.since[step.name] = self.since[""] = time.monotonic()
                self.report(_line(step))
            elif step.state == "waiting" and self._lasts(step.name, self.patience.start):
                self.since[step.name] = float("inf")  # once
                self.report(self._why(run, step))
            self._cancel_what_does_not_start(run, step)
        if run.state not in ENDED and self._lasts("", self.patience.silence):
            self.since[""] = time.monotonic()
            self._look_for_pods(run)

    def has_settled(self, run: Run) -> bool:
        """Whether nothing of an ended run moves any more."""
        self.ended = self.ended or time.monotonic()
        moving = any(step.is_moving for step in run.steps)
        return not moving or time.monotonic() - self.ended >= self.patience.settling

    def _lasts(self, name: str, seconds: float) -> bool:
        return time.monotonic() - self.since.setdefault(name, time.monotonic()) >= seconds

    def _why(self, run: Run, step: Step) -> str:
        namespace = self.cluster.address.namespace
        since = f"{step.name} has been waiting for a machine or its image since {(step.started or '')[11:16]} UTC"
        reasons = "; ".join(waiting_reasons(namespace, run.id))
        return f"{since}: {reasons}" if reasons else f"{since}; see why: {show_command(namespace, run.id)}"

    def _cancel_what_does_not_start(self, run: Run, step: Step) -> None:
        limit, now = self.patience.start_limit, time.monotonic()
        if step.state != "waiting":
            self.waiting.pop(step.name, None)
        elif limit and now - self.waiting.setdefault(step.name, now) >= limit:
            why = self._why(run, step)
            cancel_run(self.cluster, run.id)
            raise TryAgainLater(f"run {run.id} was cancelled after {limit / 60:g} minutes (--start-within): {why}")

    def _look_for_pods(self, run: Run) -> None:
        namespace = self.cluster.address.namespace
        if has_no_pods(namespace, run.id):
            gone = "its workflow was deleted, and KFP will show it as running for ever"
            raise PodtuneError(f"run {run.id} has no pods: {gone}; `podtune cancel {run.id} --forget` removes it")
        minutes = round(self.patience.silence / 60)
        self.report(f"nothing has changed for {minutes} min; its pods: {show_command(namespace, run.id)}")


def _line(step: Step) -> str:
    seconds = seconds_between(step.started, step.ended)
    preposition = "in" if step.state == "succeeded" else "after"
    duration = (
        f" {preposition} {seconds:.0f} s" if step.state in ("succeeded", "failed") and seconds is not None else ""
    )
    return f"{step.name}: {_WORDS.get(step.state, step.state)}{duration}"
