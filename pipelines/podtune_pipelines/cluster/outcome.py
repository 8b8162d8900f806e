"""How an ended run ended, for people and as an exit code: KFP's API knows only that it failed."""

from typing import Callable, List, Optional, Tuple

from podtune.errors import GateRefused, LostRace, PodtuneError, TryAgainLater, failure_of

from podtune_pipelines.cluster.client import Cluster
from podtune_pipelines.cluster.logs import Ending, NoLog, ending_of
from podtune_pipelines.cluster.pods import show_command
from podtune_pipelines.cluster.runs import Run
from podtune_pipelines.cluster.steps import Step

Report = Callable[[str], None]

_RETRIED = (TryAgainLater.exit_code, 143)
"""Exit codes of steps that end better when tried again: a server was away, or the pod was told to go."""


def failure_of_run(cluster: Cluster, run: Run, report: Report) -> Optional[PodtuneError]:
    """The error that an ended run stands for, with the failed step's exit code; None where it ended well.

    Reports the last lines of the failed steps' logs.
    """
    if run.state == "canceled":
        steps = ", ".join(step.name for step in run.steps if step.is_moving or step.state == "failed")
        return PodtuneError(f"run {run.id} was cancelled ({steps or 'no step was running'}); see {run.url}")
    if run.state != "failed":
        return None
    failures = [_failure(run, *_read(cluster, run, step, report)) for step in run.steps if step.state == "failed"]
    if not failures:
        pods = show_command(cluster.address.namespace, run.id)
        return PodtuneError(f"run {run.id} failed before its first step: {run.message or f'see {run.url} and {pods}'}")
    return next((each for each in failures if each.exit_code != 1), failures[0])


def outcome_of(cluster: Cluster, run: Run) -> str:
    """A run's state in a list: also unchanged, and refused by the gate, for which a log has to be read."""
    if run.state == "succeeded" and run.stopped_early:
        return "unchanged"
    if run.state == "failed" and run.steps_that("failed") in (["publish"], ["check_unchanged"]):
        lines: List[str] = []
        failure = failure_of_run(cluster, run, lines.append)
        return "refused" if isinstance(failure, GateRefused) else run.state
    return run.state


def is_worth_a_retry(failure: PodtuneError) -> bool:
    """Whether the same run may end better: not after bad input, a refusal, a lack of memory, or a cancellation."""
    return failure.exit_code in _RETRIED


def stop_reason(cluster: Cluster, run: Run) -> List[str]:
    """Why a scheduled run stopped before training, in its own words; a sentence instead where its log is gone."""
    (step,) = [step for step in run.steps if step.name == "check_unchanged"]
    try:
        lines = ending_of(cluster, run, step).lines
    except PodtuneError as error:
        return [f"its log is not available: {error}"]
    return [line for line in lines if "stop: " in line] or list(lines)


def _read(cluster: Cluster, run: Run, step: Step, report: Report) -> Tuple[Step, Ending]:
    try:
        ending = ending_of(cluster, run, step)
    except NoLog:
        return step, Ending((), None, "")
    except PodtuneError as error:
        return step, Ending((), 1, f"its log is not available: {error}")
    for line in ending.lines:
        report(f"  {step.name} | {line}")
    return step, ending


def _failure(run: Run, step: Step, ending: Ending) -> PodtuneError:
    if step.name.endswith("_driver"):
        account = "as without the service account that it is to have, or the right to start pods"
        return PodtuneError(f"run {run.id} failed: {step.name} could not start, {account}; see {run.url}")
    code, message = ending.exit_code, ending.message
    if code is None and not message:
        code, message = TryAgainLater.exit_code, "its pod was lost: deleted, evicted, or gone with its machine"
    if code == LostRace.exit_code:
        message += "; submit it again: what is finished is reused, and compared with what is live then"
    if code in _RETRIED:
        message += f"; `podtune retry {run.id}` continues it"
    said = f": {message}" if message else ""
    return failure_of(code or 1, f"run {run.id} failed in {step.name}{said}; see {run.url}")
