"""Schedules: KFP's recurring runs, one for each recipe.

KFP cannot change a recurring run, so a changed schedule is a new one; the old one goes only when the new one is there.
Whoever dies in between leaves two, and the next call that sets or resumes the schedule mends that.
"""

import contextlib
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, Dict, List, Optional, Tuple

from podtune.errors import BadInput, PodtuneError

from podtune_pipelines.cluster.client import Cluster, Missing
from podtune_pipelines.cluster.cron import Cron, next_times, parse_cron
from podtune_pipelines.cluster.cron_words import in_words
from podtune_pipelines.cluster.listing import pages, where
from podtune_pipelines.cluster.runs import Conditions, experiment_of, moment
from podtune_pipelines.cluster.versions import Version

PREFIX = "podtune-"
"""Begins the name of a recipe's pipeline, and so of its schedule."""


@dataclass(frozen=True)
class Schedule:
    """One recurring run."""

    id: str
    recipe: str
    cron: str
    """KFP's six fields; empty for one that was not made by podtune and has another trigger."""

    enabled: bool
    created: Optional[str]
    """ISO 8601, UTC."""

    version: Optional[str]
    """The ID of the pipeline's version that it runs."""

    url: str

    @property
    def words(self) -> str:
        """When it runs, as a person says it."""
        try:
            return in_words(parse_cron(self.cron))
        except BadInput:
            return self.cron or "not by cron"

    def next_time(self, now: datetime) -> Optional[datetime]:
        """When it runs next, if the cluster's clock is UTC; None for one that is paused."""
        with contextlib.suppress(BadInput):
            return next_times(parse_cron(self.cron), now, 1)[0] if self.enabled else None
        return None


def set_schedule(
    cluster: Cluster, recipe: str, *, cron: Cron, version: Version, conditions: Conditions, at_once: int
) -> Tuple[Schedule, List[Schedule]]:
    """Have a recipe's pipeline run by cron, and remove its older schedules; return the new one and those.

    Missed times are not made up for, and at most `at_once` runs of it go on together.
    """
    old = find_schedules(cluster, recipe)
    made = cluster.ask(
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
    _remove(cluster, old, f"the new schedule {new.id} of {recipe} is set, but runs beside an older one")
    return new, old


def find_schedules(cluster: Cluster, recipe: str = "") -> List[Schedule]:
    """The schedules of a recipe, or of all, in whatever experiment; the newest first."""
    wanted: Dict[str, Any] = {"filter": where("display_name", f"{PREFIX}{recipe}")} if recipe else {}
    method, namespace = cluster.client.list_recurring_runs, cluster.namespace
    found = list(pages(cluster, method, "recurring_runs", namespace=namespace, **wanted))
    schedules = [_schedule(cluster, one) for one in found if one.display_name.startswith(PREFIX)]
    return sorted(schedules, key=lambda schedule: schedule.created or "", reverse=True)


def pause(cluster: Cluster, recipe: str) -> List[Schedule]:
    """Stop a recipe's schedules until they are resumed; return them."""
    found = _existing(cluster, recipe)
    for schedule in found:
        cluster.ask(cluster.client.disable_recurring_run, schedule.id)
    return found


def resume(cluster: Cluster, recipe: str) -> Schedule:
    """Let a recipe's newest schedule go on, and remove any older one; return it."""
    newest, *older = _existing(cluster, recipe)
    cluster.ask(cluster.client.enable_recurring_run, newest.id)
    _remove(cluster, older, f"schedule {newest.id} of {recipe} goes on, but beside an older one")
    return newest


def delete(cluster: Cluster, recipe: str) -> List[Schedule]:
    """Remove a recipe's schedules; return what they were. Runs that they started go on."""
    found = _existing(cluster, recipe)
    _remove(cluster, found, f"not every schedule of {recipe} is deleted")
    return found


def now() -> datetime:
    """The time in UTC, as cron expressions are compared with it."""
    return datetime.now(timezone.utc).replace(tzinfo=None)


def _existing(cluster: Cluster, recipe: str) -> List[Schedule]:
    found = find_schedules(cluster, recipe)
    if not found:
        known = ", ".join(sorted({schedule.recipe for schedule in find_schedules(cluster)})) or "none"
        raise BadInput(f"{cluster.address.host} has no schedule of {recipe!r}; it has {known}")
    return found


def _remove(cluster: Cluster, schedules: List[Schedule], state: str) -> None:
    """Delete schedules; where one stays, the error says what there is now and what mends it."""
    for schedule in schedules:
        try:
            with contextlib.suppress(Missing):
                cluster.ask(cluster.client.delete_recurring_run, schedule.id)
        except PodtuneError as error:
            raise type(error)(f"{state}, {schedule.id}: {error}; the same command again mends it") from error


def _schedule(cluster: Cluster, found: Any) -> Schedule:
    trigger, reference = found.trigger, found.pipeline_version_reference
    return Schedule(
        id=str(found.recurring_run_id),
        recipe=found.display_name[len(PREFIX) :],
        cron=(trigger and trigger.cron_schedule and trigger.cron_schedule.cron) or "",
        enabled=found.status == "ENABLED" or (found.status is None and found.mode == "ENABLE"),
        created=moment(found.created_at),
        version=reference.pipeline_version_id if reference else None,
        url=cluster.address.page(f"recurringrun/details/{found.recurring_run_id}"),
    )
