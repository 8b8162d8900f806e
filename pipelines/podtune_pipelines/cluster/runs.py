"""Runs on a cluster: started, listed, and read step by step."""

import re
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, List, Optional, Tuple

from podtune.environment import PIPELINE_ROOT
from podtune.errors import BadInput, PodtuneError, TryAgainLater
from podtune.steps.table import STEPS
from podtune.stores.opening import refuse_secrets

from podtune_pipelines.cluster.client import Cluster, where
from podtune_pipelines.cluster.steps import Step, moment, state_of, steps_of
from podtune_pipelines.cluster.versions import Version

EXPERIMENT = "podtune"
"""Where KFP keeps the runs together, unless another is named."""

ENDED = ("succeeded", "skipped", "failed", "canceled")


class Gone(PodtuneError):
    """The run's workflow was deleted; nothing ends the run any more."""


@dataclass(frozen=True)
class Run:
    """One run of a pipeline."""

    id: str
    name: str
    state: str
    created: Optional[str]
    ended: Optional[str]
    """ISO 8601, UTC."""

    schedule: Optional[str]
    """The ID of the schedule that started it."""

    message: str
    """What KFP says went wrong; empty where it says nothing."""

    url: str
    steps: Tuple[Step, ...]
    """In the order in which they started."""

    @property
    def stopped_early(self) -> bool:
        """Whether it is a scheduled run that found nothing changed; steps inside the condition are missing then."""
        names = {step.name for step in self.steps if step.state != "skipped"}
        computing = {name for name, step in STEPS.items() if step.on_accelerator or step.by_job}
        return "check_unchanged" in names and not names.intersection(computing)

    def steps_that(self, *states: str) -> List[str]:
        """The names of the steps in one of these states."""
        return [step.name for step in self.steps if step.state in states]


@dataclass(frozen=True)
class Conditions:
    """Options of a run beside its pipeline; empty for the cluster's defaults."""

    experiment: str = EXPERIMENT
    pipeline_root: str = ""
    """URI for the artifacts."""

    service_account: str = ""
    """Of the pods."""

    def __post_init__(self) -> None:
        refuse_secrets(self.pipeline_root)
        if self.pipeline_root and not re.match("(minio|s3|gs)://[^/]", self.pipeline_root):
            wanted = "must begin with minio://, s3:// or gs:// and a bucket, which is what KFP reads"
            raise BadInput(f"--pipeline-root (or {PIPELINE_ROOT.name}) {wanted}; got {self.pipeline_root!r}")


def start_run(cluster: Cluster, version: Version, name: str, conditions: Conditions) -> Run:
    """Start a run of a version with the arguments compiled into it."""
    started = cluster.call(
        cluster.client.run_pipeline,
        experiment_of(cluster, conditions.experiment),
        name,
        pipeline_id=version.pipeline,
        version_id=version.version,
        pipeline_root=conditions.pipeline_root or None,
        service_account=conditions.service_account or None,
    )
    return _run(cluster, started)


def experiment_of(cluster: Cluster, name: str) -> str:
    """The ID of an experiment, which is created if there is none."""
    return str(cluster.call(cluster.client.create_experiment, name, namespace=cluster.namespace).experiment_id)


def read_run(cluster: Cluster, run: str) -> Run:
    """One run as it is now."""
    return _run(cluster, cluster.call(cluster.client.get_run, run))


def cancel_run(cluster: Cluster, run: str) -> None:
    """Stop a run; Gone where its workflow does not exist any more, which KFP does not notice."""
    try:
        cluster.call(cluster.client.terminate_run, run)
    except TryAgainLater as error:  # KFP answers 500
        if "workflows.argoproj.io" in str(error) and "not found" in str(error):
            raise Gone(f"the workflow of run {run} was deleted; KFP shows it as running for ever") from error
        raise


def forget_run(cluster: Cluster, run: str) -> None:
    """Remove a run from KFP."""
    cluster.call(cluster.client.delete_run, run)


def retry_run(cluster: Cluster, run: str) -> None:
    """Try a failed run again: steps that are done stay, and training continues from its newest checkpoint."""
    cluster.call(cluster.client.runs.run_service_retry_run, run)


def newest_runs(cluster: Cluster, experiment: str, count: int) -> List[Run]:
    """The newest runs of an experiment, the newest first."""
    try:
        found = cluster.call(cluster.client.get_experiment, experiment_name=experiment, namespace=cluster.namespace)
    except ValueError:  # KFP's client has no other sign that there is none
        return []
    return _newest(cluster, count, experiment_id=found.experiment_id)


def runs_of_schedule(cluster: Cluster, schedule: str, count: int) -> List[Run]:
    """The newest runs that a schedule started, the newest first."""
    return _newest(cluster, count, namespace=cluster.namespace, filter=where("recurring_run_id", schedule))


def _newest(cluster: Cluster, count: int, **which: Optional[str]) -> List[Run]:
    method, size = cluster.client.list_runs, min(count, 100)
    runs = cluster.pages(method, "runs", size=size, sort_by="created_at desc", **which)
    return [_run(cluster, run) for run in islice(runs, count)]


def _run(cluster: Cluster, run: Any) -> Run:
    details = (run.run_details and run.run_details.task_details) or []
    return Run(
        id=str(run.run_id),
        name=str(run.display_name),
        state=_state(run),
        created=moment(run.created_at),
        ended=moment(run.finished_at),
        schedule=run.recurring_run_id or None,
        message=_message(run),
        url=cluster.address.page(f"runs/details/{run.run_id}"),
        steps=tuple(steps_of(details)),
    )


def _state(run: Any) -> str:
    """A run's state; one that was cancelled ends as FAILED on KFP 2.17, which its history alone tells apart."""
    state = state_of(run.state)
    history = [state_of(status.state) for status in run.state_history or [] if status.state]
    return "canceled" if state == "failed" and history[-2:] == ["canceling", "failed"] else state


def _message(run: Any) -> str:
    statuses = [run, *(run.state_history or [])]
    messages = [status.error.message for status in statuses if status.error and status.error.message]
    return " ".join(str(messages[-1]).split()) if messages else ""


def seconds_between(begun: Optional[str], ended: Optional[str]) -> Optional[float]:
    """The time between two moments in ISO 8601; None where one is missing."""
    if not (begun and ended):
        return None
    return (datetime.fromisoformat(ended) - datetime.fromisoformat(begun)).total_seconds()
