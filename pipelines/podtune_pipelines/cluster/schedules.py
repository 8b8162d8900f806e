"""Schedules: KFP's recurring runs, which have names of podtune's.

KFP cannot change a recurring run, so a changed schedule is a new one of the same name, and the older is retired. A
recurring run owns its runs' workflows: deleting it kills a run that goes on, which KFP then shows as running for ever.
So a retired schedule is disabled at once, and deleted once none of its runs goes on: by the same call, or by the next
that has to do with schedules.
"""

import contextlib
import time
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, Callable, Dict, List, Optional, Tuple

from podtune.errors import BadInput, PodtuneError, TryAgainLater

from podtune_pipelines.cluster.client import Cluster, Missing, where
from podtune_pipelines.cluster.cron import Cron, in_words, next_times, parse_cron
from podtune_pipelines.cluster.runs import (
    ENDED,
    Conditions,
    Gone,
    cancel_run,
    experiment_of,
    read_run,
    runs_of_schedule,
)
from podtune_pipelines.cluster.steps import moment
from podtune_pipelines.cluster.versions import Version

PREFIX = "podtune-"
"""Of the name of a recipe's pipeline, and of a schedule."""

_LOOKED_AT = 50
"""A schedule's newest runs, among which those are that go on."""

_POLL, _LONGEST_END = 2.0, 180.0
"""Seconds between two looks at a cancelled run, and until it has ended: it may save its state."""

Report = Callable[[str], None]


@dataclass(frozen=True)
class Schedule:
    """One recurring run."""

    id: str
    name: str
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


@dataclass(frozen=True)
class Retired:
    """A schedule that was to be deleted."""

    schedule: Schedule
    runs: Tuple[str, ...]
    """IDs of its runs that go on; where there is one, the schedule is only disabled."""


def set_schedule(  # as many as a recurring run has
    cluster: Cluster, name: str, *, cron: Cron, version: Version, conditions: Conditions, at_once: int
) -> Schedule:
    """Schedule a pipeline; older schedules of the name stay, for `retire_others`.

    Missed runs are not caught up, and at most `at_once` of its runs are active at a time.
    """
    return _create(
        cluster,
        experiment_of(cluster, conditions.experiment),
        name,
        cron_expression=cron.expression,
        max_concurrency=at_once,
        pipeline_id=version.pipeline,
        version_id=version.version,
        pipeline_root=conditions.pipeline_root or None,
        service_account=conditions.service_account or None,
    )


def find_schedules(cluster: Cluster, name: str = "") -> List[Schedule]:
    """The newest schedule of a name, or of each, in whatever experiment; the newest first."""
    schedules = {one.name: one for one in reversed(_all(cluster, name))}
    return sorted(schedules.values(), key=lambda schedule: schedule.created or "", reverse=True)


def retire_others(cluster: Cluster, kept: Schedule, report: Report, *, now: bool = False) -> List[Retired]:
    """Retire the other schedules of a name; `now` cancels their runs first."""
    return [_retire(cluster, one, report, now=now) for one in _all(cluster, kept.name) if one.id != kept.id]


def pause(cluster: Cluster, name: str) -> Schedule:
    """Pause a schedule until it is resumed."""
    schedule = _existing(cluster, name)
    cluster.call(cluster.client.disable_recurring_run, schedule.id)
    return schedule


def resume(cluster: Cluster, name: str) -> Schedule:
    """Resume a paused schedule, by a new one like it: KFP would start a missed run at once if it were enabled again."""
    schedule = _existing(cluster, name)
    if schedule.enabled:
        return schedule
    old = cluster.call(cluster.client.get_recurring_run, schedule.id)
    reference, settings = old.pipeline_version_reference, old.runtime_config
    try:
        return _create(
            cluster,
            old.experiment_id,
            name,
            cron_expression=parse_cron(schedule.cron).expression,
            max_concurrency=int(old.max_concurrency),
            pipeline_id=reference.pipeline_id,
            version_id=reference.pipeline_version_id,
            pipeline_root=(settings and settings.pipeline_root) or None,
            service_account=old.service_account or None,
        )
    except Missing as error:
        raise Missing(f"{name} cannot be resumed: {error}; set it anew with `podtune schedule`") from error


def delete(cluster: Cluster, name: str, report: Report, *, now: bool = False) -> List[Retired]:
    """Retire all schedules of a name; `now` cancels their runs first."""
    _existing(cluster, name)
    return [_retire(cluster, one, report, now=now) for one in _all(cluster, name)]


def utc_now() -> datetime:
    """The time in UTC, as cron expressions are compared with it."""
    return datetime.now(timezone.utc).replace(tzinfo=None)


def _all(cluster: Cluster, name: str = "") -> List[Schedule]:
    """All schedules of a name, or of all; the newest first."""
    wanted: Dict[str, Any] = {"filter": where("display_name", f"{PREFIX}{name}")} if name else {}
    method, namespace = cluster.client.list_recurring_runs, cluster.namespace
    found = list(cluster.pages(method, "recurring_runs", namespace=namespace, **wanted))
    schedules = [_schedule(cluster, one) for one in found if one.display_name.startswith(PREFIX)]
    return sorted(schedules, key=lambda schedule: schedule.created or "", reverse=True)


def _existing(cluster: Cluster, name: str) -> Schedule:
    existing = find_schedules(cluster, name)
    if not existing:
        known = ", ".join(sorted(schedule.name for schedule in find_schedules(cluster))) or "none"
        raise BadInput(f"{cluster.address.host} has no schedule {name!r}; it has {known}")
    return existing[0]


def _create(cluster: Cluster, experiment: str, name: str, **options: Any) -> Schedule:
    words = in_words(parse_cron(options["cron_expression"]))
    made = cluster.call(
        cluster.client.create_recurring_run,
        experiment,
        f"{PREFIX}{name}",
        description=f"{words}; set by podtune",
        no_catchup=True,  # KFP's default starts a run for every time that was missed
        **options,
    )
    return _schedule(cluster, made)


def _retire(cluster: Cluster, schedule: Schedule, report: Report, *, now: bool) -> Retired:
    """Disable a schedule, and delete it if none of its runs goes on."""
    try:
        with contextlib.suppress(Missing):
            cluster.call(cluster.client.disable_recurring_run, schedule.id)
            runs = [run.id for run in runs_of_schedule(cluster, schedule.id, _LOOKED_AT) if run.state not in ENDED]
            if runs and not now:
                return Retired(schedule, tuple(runs))
            for run in runs:
                _end(cluster, run, report)
            cluster.call(cluster.client.delete_recurring_run, schedule.id)
    except PodtuneError as error:
        left = f"schedule {schedule.id} of {schedule.name} is not deleted: {error}"
        raise type(error)(f"{left}; run the same command again") from error
    return Retired(schedule, ())


def _end(cluster: Cluster, run: str, report: Report) -> None:
    """Cancel a run and wait until it has ended, as KFP would not learn of it without the schedule."""
    report(f"cancelling run {run}")
    with contextlib.suppress(Gone):
        cancel_run(cluster, run)
        until = time.monotonic() + _LONGEST_END
        while read_run(cluster, run).state not in ENDED:
            if time.monotonic() > until:
                raise TryAgainLater(f"run {run} was cancelled, but has not ended after {_LONGEST_END:.0f} s")
            time.sleep(_POLL)


def _schedule(cluster: Cluster, run: Any) -> Schedule:
    trigger, reference = run.trigger, run.pipeline_version_reference
    return Schedule(
        id=str(run.recurring_run_id),
        name=run.display_name[len(PREFIX) :],
        cron=(trigger and trigger.cron_schedule and trigger.cron_schedule.cron) or "",
        enabled=run.status == "ENABLED" or (run.status is None and run.mode == "ENABLE"),
        created=moment(run.created_at),
        version=reference.pipeline_version_id if reference else None,
        url=cluster.address.page(f"recurringrun/details/{run.recurring_run_id}"),
    )
