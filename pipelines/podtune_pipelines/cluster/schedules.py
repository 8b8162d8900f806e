"""Schedules: KFP's recurring runs, one for each recipe.

KFP cannot change a recurring run, so a changed schedule is a new one; the old one is deleted once the new one exists.
A call that dies in between leaves two; the next one that sets or resumes the schedule deletes the older.
"""

import contextlib
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, Dict, List, Optional, Tuple

from podtune.errors import BadInput, PodtuneError

from podtune_pipelines.cluster.client import Cluster, Missing, where
from podtune_pipelines.cluster.cron import Cron, in_words, next_times, parse_cron
from podtune_pipelines.cluster.runs import Conditions, experiment_of
from podtune_pipelines.cluster.steps import moment
from podtune_pipelines.cluster.versions import Version

PREFIX = "podtune-"
"""Of the name of a recipe's pipeline, and so of its schedule."""


@dataclass(frozen=True)
class Schedule:
    """One recurring run."""

    id: str
    recipe: str
    cron: str
    """KFP's six fields; empty for one with another trigger, which podtune did not create."""

    enabled: bool
    created: Optional[str]
    """ISO 8601, UTC."""

    version: Optional[str]
    """The ID of the pipeline's version that it runs."""

    url: str

    @property
    def words(self) -> str:
        """When it runs, in words."""
        try:
            return in_words(parse_cron(self.cron))
        except BadInput:
            return self.cron or "not by cron"

    def next_time(self, now: datetime) -> Optional[datetime]:
        """When it runs next, if the cluster schedules in UTC; None if it is paused."""
        with contextlib.suppress(BadInput):
            return next_times(parse_cron(self.cron), now, 1)[0] if self.enabled else None
        return None


def set_schedule(
    cluster: Cluster, recipe: str, *, cron: Cron, version: Version, conditions: Conditions, at_once: int
) -> Tuple[Schedule, List[Schedule]]:
    """Schedule a recipe's pipeline and delete its older schedules; return the new one and those.

    Missed runs are not caught up, and at most `at_once` of its runs are active at a time.
    """
    old = find_schedules(cluster, recipe)
    made = cluster.call(
        cluster.client.create_recurring_run,
        experiment_of(cluster, conditions.experiment),
        f"{PREFIX}{recipe}",
        description=f"{in_words(cron)}; set by podtune",
        cron_expression=cron.expression,
        max_concurrency=at_once,
        no_catchup=True,  # KFP's default starts a run for every time that was missed
        pipeline_id=version.pipeline,
        version_id=version.version,
        pipeline_root=conditions.pipeline_root or None,
        service_account=conditions.service_account or None,
    )
    new = _schedule(cluster, made)
    _remove(cluster, old, f"the new schedule {new.id} of {recipe} is set, but an older one still runs")
    return new, old


def find_schedules(cluster: Cluster, recipe: str = "") -> List[Schedule]:
    """The schedules of a recipe, or of all, in whatever experiment; the newest first."""
    wanted: Dict[str, Any] = {"filter": where("display_name", f"{PREFIX}{recipe}")} if recipe else {}
    method, namespace = cluster.client.list_recurring_runs, cluster.namespace
    found = list(cluster.pages(method, "recurring_runs", namespace=namespace, **wanted))
    schedules = [_schedule(cluster, one) for one in found if one.display_name.startswith(PREFIX)]
    return sorted(schedules, key=lambda schedule: schedule.created or "", reverse=True)


def pause(cluster: Cluster, recipe: str) -> List[Schedule]:
    """Pause a recipe's schedules until they are resumed; return them."""
    existing = _existing(cluster, recipe)
    for schedule in existing:
        cluster.call(cluster.client.disable_recurring_run, schedule.id)
    return existing


def resume(cluster: Cluster, recipe: str) -> Schedule:
    """Resume a recipe's newest schedule, and delete any older one; return it."""
    newest, *older = _existing(cluster, recipe)
    cluster.call(cluster.client.enable_recurring_run, newest.id)
    _remove(cluster, older, f"schedule {newest.id} of {recipe} is resumed, but an older one still exists")
    return newest


def delete(cluster: Cluster, recipe: str) -> List[Schedule]:
    """Delete a recipe's schedules and return them. Runs that they started continue."""
    existing = _existing(cluster, recipe)
    _remove(cluster, existing, f"not every schedule of {recipe} is deleted")
    return existing


def now() -> datetime:
    """The time in UTC, as cron expressions are compared with it."""
    return datetime.now(timezone.utc).replace(tzinfo=None)


def _existing(cluster: Cluster, recipe: str) -> List[Schedule]:
    existing = find_schedules(cluster, recipe)
    if not existing:
        known = ", ".join(sorted({schedule.recipe for schedule in find_schedules(cluster)})) or "none"
        raise BadInput(f"{cluster.address.host} has no schedule of {recipe!r}; it has {known}")
    return existing


def _remove(cluster: Cluster, schedules: List[Schedule], state: str) -> None:
    """Delete schedules; where one remains, the error says what there is now and the remedy."""
    for schedule in schedules:
        try:
            with contextlib.suppress(Missing):
                cluster.call(cluster.client.delete_recurring_run, schedule.id)
        except PodtuneError as error:
            raise type(error)(f"{state}, {schedule.id}: {error}; run the same command again") from error


def _schedule(cluster: Cluster, run: Any) -> Schedule:
    trigger, reference = run.trigger, run.pipeline_version_reference
    return Schedule(
        id=str(run.recurring_run_id),
        recipe=run.display_name[len(PREFIX) :],
        cron=(trigger and trigger.cron_schedule and trigger.cron_schedule.cron) or "",
        enabled=run.status == "ENABLED" or (run.status is None and run.mode == "ENABLE"),
        created=moment(run.created_at),
        version=reference.pipeline_version_id if reference else None,
        url=cluster.address.page(f"recurringrun/details/{run.recurring_run_id}"),
    )
