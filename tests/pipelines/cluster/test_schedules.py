from datetime import datetime
from typing import Any, Callable, List

import pytest
from podtune.errors import BadInput, TryAgainLater
from podtune_pipelines.cluster.client import Cluster, Missing
from podtune_pipelines.cluster.cron import parse_cron
from podtune_pipelines.cluster.runs import Conditions
from podtune_pipelines.cluster.schedules import (
    Schedule,
    delete,
    find_schedules,
    pause,
    resume,
    retire_others,
    set_schedule,
)

pytestmark = pytest.mark.local

Set = Callable[..., Any]


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("podtune_pipelines.cluster.schedules._POLL", 0.01)


@pytest.fixture
def schedule(cluster: Cluster, upload: Callable[..., Any]) -> Set:
    """A function (expression, name) that sets a schedule."""

    def run(expression: str = "0 3 * * 1", name: str = "qa", at_once: int = 1, **conditions: str) -> Any:
        return set_schedule(
            cluster,
            name,
            cron=parse_cron(expression),
            version=upload(),
            conditions=Conditions(**{"service_account": "runner", **conditions}),
            at_once=at_once,
        )

    return run


@pytest.fixture
def said() -> List[str]:
    return []


@pytest.fixture
def replace(cluster: Cluster, schedule: Set, said: List[str]) -> Set:
    """A function (expression) that sets a schedule anew and retires the older; what became of those."""

    def run(expression: str = "0 4 * * 1", now: bool = False, **conditions: str) -> Any:
        return retire_others(cluster, schedule(expression, **conditions), said.append, now=now)

    return run


def states(fake: Any) -> List[str]:
    """Of the recurring runs, the oldest first."""
    return [one["status"] for one in fake.recurring.values()]


def changes(fake: Any) -> List[str]:
    """The requests that changed recurring runs and runs."""
    found = [request for request in fake.requests if "runs" in request and "GET" not in request]
    return [request.replace("/apis/v2beta1/", "") for request in found]


def test_a_schedule_makes_up_for_nothing_and_runs_once_at_a_time(fake_kfp: Any, schedule: Set) -> None:
    new = schedule()

    made = fake_kfp.recurring[new.id]
    assert (made["display_name"], made["status"]) == ("podtune-qa", "ENABLED")
    assert made["trigger"] == {"cron_schedule": {"cron": "0 0 3 * * 1"}}
    assert (made["no_catchup"], made["max_concurrency"]) == (True, 1)
    assert made["pipeline_version_reference"]["pipeline_version_id"] == new.version
    assert (made["description"], made["service_account"]) == ("at 03:00 UTC on Mondays; set by podtune", "runner")


def test_a_changed_schedule_is_there_before_the_old_one_goes(fake_kfp: Any, schedule: Set, replace: Set) -> None:
    first = schedule()

    (old,) = replace()

    assert (old.schedule.id, old.runs) == (first.id, ())
    assert states(fake_kfp) == ["ENABLED"]
    assert changes(fake_kfp)[1:] == [
        "POST recurringruns",
        f"POST recurringruns/{first.id}:disable",
        f"DELETE recurringruns/{first.id}",
    ]


def test_a_changed_schedule_lets_the_run_of_the_old_one_end(
    fake_kfp: Any, cluster: Cluster, schedule: Set, replace: Set, said: List[str]
) -> None:
    run = fake_kfp.start_scheduled(schedule().id)

    (old,) = replace()

    assert old.runs == (run,)
    assert states(fake_kfp) == ["DISABLED", "ENABLED"]
    assert [one.cron for one in find_schedules(cluster)] == ["0 0 4 * * 1"]
    fake_kfp.runs[run]["state"] = "SUCCEEDED"
    (old,) = retire_others(cluster, find_schedules(cluster)[0], said.append)
    assert old.runs == ()
    assert states(fake_kfp) == ["ENABLED"]
    assert (fake_kfp.killed, said) == ([], [])


def test_the_impatient_have_the_run_cancelled_before_its_schedule_is_deleted(
    fake_kfp: Any, schedule: Set, replace: Set, said: List[str]
) -> None:
    first = schedule()
    run = fake_kfp.start_scheduled(first.id)
    fake_kfp.progress = [("CANCELING", {}), ("CANCELING", {}), ("FAILED", {})]

    (old,) = replace(now=True)

    assert old.runs == ()
    assert changes(fake_kfp)[-2:] == [f"POST runs/{run}:terminate", f"DELETE recurringruns/{first.id}"]
    assert (fake_kfp.looks, fake_kfp.killed) == (3, [])
    assert said == [f"cancelling run {run}"]


def test_a_cancelled_run_that_does_not_end_keeps_its_schedule(
    fake_kfp: Any, schedule: Set, replace: Set, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = fake_kfp.start_scheduled(schedule().id)
    fake_kfp.progress = [("CANCELING", {})]
    monkeypatch.setattr("podtune_pipelines.cluster.schedules._LONGEST_END", 0.05)

    with pytest.raises(TryAgainLater, match=f"run {run} was cancelled, but has not ended after 0 s; run the same"):
        replace(now=True)

    assert states(fake_kfp) == ["DISABLED", "ENABLED"]


def test_a_run_whose_workflow_is_gone_does_not_keep_its_schedule_from_the_impatient(
    fake_kfp: Any, cluster: Cluster, schedule: Set, said: List[str]
) -> None:
    fake_kfp.start_scheduled(schedule().id)
    fake_kfp.workflows_gone = True

    patient = delete(cluster, "qa", said.append)
    impatient = delete(cluster, "qa", said.append, now=True)

    assert [len(one.runs) for one in (*patient, *impatient)] == [1, 0]
    assert states(fake_kfp) == []


def test_a_schedule_in_another_experiment_is_replaced_too(fake_kfp: Any, schedule: Set, replace: Set) -> None:
    schedule()

    replace(experiment="nightly")

    assert states(fake_kfp) == ["ENABLED"]


def test_a_schedule_that_cannot_be_made_leaves_the_old_one(fake_kfp: Any, schedule: Set, replace: Set) -> None:
    first = schedule()
    fake_kfp.fail("POST", "/recurringruns", 500)

    with pytest.raises(TryAgainLater):
        replace()

    assert list(fake_kfp.recurring) == [first.id]


def test_an_old_schedule_that_stays_is_an_error_and_the_next_call_mends_it(
    fake_kfp: Any, schedule: Set, replace: Set
) -> None:
    first = schedule()
    fake_kfp.fail("DELETE", f"/recurringruns/{first.id}", 500)

    with pytest.raises(TryAgainLater) as raised:
        replace()
    left = states(fake_kfp)
    replace()

    assert left == ["DISABLED", "ENABLED"]
    assert str(raised.value) == (
        f"schedule {first.id} of qa is not deleted: {fake_kfp.host} is unavailable (HTTP 500: the fake answers 500); "
        f"try again later; run the same command again"
    )
    assert states(fake_kfp) == ["ENABLED"]


def test_an_old_schedule_that_another_deleted_is_no_trouble(fake_kfp: Any, schedule: Set, replace: Set) -> None:
    first = schedule()
    fake_kfp.fail("DELETE", f"/recurringruns/{first.id}", 404)

    (old,) = replace()

    assert old.runs == ()


def test_each_name_has_a_schedule_of_its_own(fake_kfp: Any, cluster: Cluster, schedule: Set) -> None:
    fake_kfp.page = 1
    for name in ("qa", "qa-large", "vqa"):
        schedule(name=name)

    assert [one.name for one in find_schedules(cluster)] == ["vqa", "qa-large", "qa"]
    assert [one.name for one in find_schedules(cluster, "qa")] == ["qa"]


def test_what_others_scheduled_is_left_out(fake_kfp: Any, cluster: Cluster, schedule: Set) -> None:
    new = schedule()
    fake_kfp.recurring["other"] = {**fake_kfp.recurring[new.id], "display_name": "nightly", "recurring_run_id": "other"}

    assert [one.id for one in find_schedules(cluster)] == [new.id]


def test_a_resumed_schedule_is_a_new_one_that_catches_nothing_up(
    fake_kfp: Any, cluster: Cluster, schedule: Set, said: List[str]
) -> None:
    schedule(at_once=2, pipeline_root="s3://b/root")
    pause(cluster, "qa")
    ((_, old),) = fake_kfp.recurring.items()
    paused = find_schedules(cluster, "qa")

    resumed = resume(cluster, "qa")
    retire_others(cluster, resumed, said.append)

    now = datetime(2026, 11, 25, 16, 0)
    assert [(one.enabled, one.next_time(now)) for one in paused] == [(False, None)]
    assert (resumed.enabled, resumed.next_time(now)) == (True, datetime(2026, 11, 30, 3, 0))
    ((_, new),) = fake_kfp.recurring.items()
    differing = {key for key in {*old, *new} if old.get(key) != new.get(key)}
    assert differing == {"recurring_run_id", "created_at", "status"}
    assert fake_kfp.runs == {}


def test_a_schedule_that_is_enabled_again_starts_a_missed_run_on_kfp(
    fake_kfp: Any, cluster: Cluster, schedule: Set
) -> None:
    """As recorded with no_catchup: why resume does not enable the old schedule."""
    first = schedule()
    pause(cluster, "qa")

    cluster.call(cluster.client.enable_recurring_run, first.id)

    assert [run["recurring_run_id"] for run in fake_kfp.runs.values()] == [first.id]


def test_an_active_schedule_that_is_resumed_stays(fake_kfp: Any, cluster: Cluster, schedule: Set) -> None:
    first = schedule()

    assert resume(cluster, "qa").id == first.id

    assert list(fake_kfp.recurring) == [first.id]


def test_a_schedule_whose_pipeline_was_deleted_cannot_be_resumed(
    fake_kfp: Any, cluster: Cluster, schedule: Set
) -> None:
    schedule()
    pause(cluster, "qa")
    fake_kfp.versions.clear()

    with pytest.raises(Missing, match=r"^qa cannot be resumed: .*PipelineVersion .* not found\); set it anew with"):
        resume(cluster, "qa")


def test_a_deleted_schedule_is_gone(fake_kfp: Any, cluster: Cluster, schedule: Set, said: List[str]) -> None:
    new = schedule()

    assert [one.schedule.id for one in delete(cluster, "qa", said.append)] == [new.id]
    assert states(fake_kfp) == []


def test_a_schedule_whose_run_goes_on_is_paused_instead_of_deleted(
    fake_kfp: Any, cluster: Cluster, schedule: Set, said: List[str]
) -> None:
    run = fake_kfp.start_scheduled(schedule().id)

    (left,) = delete(cluster, "qa", said.append)

    assert left.runs == (run,)
    assert states(fake_kfp) == ["DISABLED"]
    assert fake_kfp.killed == []


@pytest.mark.parametrize("act", [pause, resume, lambda cluster, name: delete(cluster, name, print)])
def test_a_name_without_a_schedule_is_bad_input(
    fake_kfp: Any, cluster: Cluster, schedule: Set, act: Callable[..., Any]
) -> None:
    schedule()

    with pytest.raises(BadInput) as raised:
        act(cluster, "qu")

    assert str(raised.value) == f"{fake_kfp.host} has no schedule 'qu'; it has qa"


def test_too_many_runs_at_once_are_refused(fake_kfp: Any, schedule: Set) -> None:
    with pytest.raises(BadInput, match="Max concurrency of a recurring run must be at least 1 and at most 10"):
        schedule(at_once=11)


def test_a_trigger_of_another_kind_is_told_as_it_is() -> None:
    made = Schedule("1", "qa", cron="", enabled=True, created=None, version=None, url="")

    assert (made.words, made.next_time(datetime(2026, 11, 25))) == ("not by cron", None)
