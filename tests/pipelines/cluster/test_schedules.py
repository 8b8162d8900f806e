from datetime import datetime
from typing import Any, Callable, List

import pytest
from podtune.errors import BadInput, TryAgainLater
from podtune_pipelines.cluster.client import Cluster
from podtune_pipelines.cluster.cron import parse_cron
from podtune_pipelines.cluster.runs import Conditions
from podtune_pipelines.cluster.schedules import Schedule, delete, find_schedules, pause, resume, set_schedule

pytestmark = pytest.mark.local

Set = Callable[..., Any]


@pytest.fixture
def schedule(cluster: Cluster, upload: Callable[..., Any]) -> Set:
    """A function (expression, recipe) that sets a recipe's schedule."""

    def run(expression: str = "0 3 * * 1", recipe: str = "qa", at_once: int = 1) -> Any:
        cron, conditions = parse_cron(expression), Conditions(service_account="runner")
        return set_schedule(cluster, recipe, cron=cron, version=upload(), conditions=conditions, at_once=at_once)

    return run


def names(fake: Any) -> List[str]:
    return sorted(fake.recurring)


def test_a_schedule_makes_up_for_nothing_and_runs_once_at_a_time(fake_kfp: Any, schedule: Set) -> None:
    new, old = schedule()

    made = fake_kfp.recurring[new.id]
    assert (made["display_name"], made["status"], old) == ("podtune-qa", "ENABLED", [])
    assert made["trigger"] == {"cron_schedule": {"cron": "0 0 3 * * 1"}}
    assert (made["no_catchup"], made["max_concurrency"]) == (True, 1)
    assert made["pipeline_version_reference"]["pipeline_version_id"] == new.version
    assert (made["description"], made["service_account"]) == ("at 03:00 UTC on Mondays; set by podtune", "runner")


def test_a_changed_schedule_is_there_before_the_old_one_goes(fake_kfp: Any, schedule: Set) -> None:
    first, _ = schedule()

    second, old = schedule("0 4 * * 1")

    assert names(fake_kfp) == [second.id]
    assert [one.id for one in old] == [first.id]
    changes = [request for request in fake_kfp.requests if "recurringruns" in request and "GET" not in request]
    assert changes[1:] == ["POST /apis/v2beta1/recurringruns", f"DELETE /apis/v2beta1/recurringruns/{first.id}"]


def test_a_schedule_in_another_experiment_is_replaced_too(
    fake_kfp: Any, cluster: Cluster, schedule: Set, upload: Callable[..., Any]
) -> None:
    schedule()

    conditions = Conditions(experiment="nightly")
    new, _ = set_schedule(
        cluster, "qa", cron=parse_cron("0 3 * * 1"), version=upload(), conditions=conditions, at_once=1
    )

    assert names(fake_kfp) == [new.id]


def test_a_schedule_that_cannot_be_made_leaves_the_old_one(fake_kfp: Any, schedule: Set) -> None:
    first, _ = schedule()
    fake_kfp.fail("POST", "/recurringruns", 500)

    with pytest.raises(TryAgainLater):
        schedule("0 4 * * 1")

    assert names(fake_kfp) == [first.id]


def test_an_old_schedule_that_stays_is_told_and_the_next_call_mends_it(fake_kfp: Any, schedule: Set) -> None:
    first, _ = schedule()
    fake_kfp.fail("DELETE", f"/recurringruns/{first.id}", 500)

    with pytest.raises(TryAgainLater) as raised:
        schedule("0 4 * * 1")
    left = names(fake_kfp)
    second, _ = schedule("0 4 * * 1")

    assert len(left) == 2
    assert str(raised.value) == (
        f"the new schedule {left[1]} of qa is set, but an older one still runs, {first.id}: {fake_kfp.host} is "
        f"unavailable (HTTP 500: the fake answers 500); try again later; run the same command again"
    )
    assert names(fake_kfp) == [second.id]


def test_an_old_schedule_that_another_deleted_is_no_trouble(fake_kfp: Any, schedule: Set) -> None:
    first, _ = schedule()
    fake_kfp.fail("DELETE", f"/recurringruns/{first.id}", 404)

    second, _ = schedule("0 4 * * 1")

    assert second.id in names(fake_kfp)


def test_each_recipe_has_a_schedule_of_its_own(fake_kfp: Any, cluster: Cluster, schedule: Set) -> None:
    fake_kfp.page = 1
    for recipe in ("qa", "qa-large", "vqa"):
        schedule(recipe=recipe)

    assert [one.recipe for one in find_schedules(cluster)] == ["vqa", "qa-large", "qa"]
    assert [one.recipe for one in find_schedules(cluster, "qa")] == ["qa"]


def test_what_others_scheduled_is_left_out(fake_kfp: Any, cluster: Cluster, schedule: Set) -> None:
    new, _ = schedule()
    fake_kfp.recurring["other"] = {**fake_kfp.recurring[new.id], "display_name": "nightly", "recurring_run_id": "other"}

    assert [one.id for one in find_schedules(cluster)] == [new.id]


def test_a_paused_schedule_goes_on_when_it_is_resumed(cluster: Cluster, schedule: Set) -> None:
    schedule()

    pause(cluster, "qa")
    paused = find_schedules(cluster, "qa")
    resume(cluster, "qa")
    resumed = find_schedules(cluster, "qa")

    now = datetime(2026, 11, 25, 16, 0)
    assert [(one.enabled, one.next_time(now)) for one in paused] == [(False, None)]
    assert [(one.enabled, one.next_time(now)) for one in resumed] == [(True, datetime(2026, 11, 30, 3, 0))]


def test_only_the_newest_of_two_is_resumed(fake_kfp: Any, cluster: Cluster, schedule: Set) -> None:
    first, _ = schedule()
    second = {**fake_kfp.recurring[first.id], "recurring_run_id": "second", "created_at": "2026-11-25T13:00:00Z"}
    fake_kfp.recurring["second"] = {**second, "status": "DISABLED"}

    assert resume(cluster, "qa").id == "second"

    assert {one: found["status"] for one, found in fake_kfp.recurring.items()} == {"second": "ENABLED"}


def test_a_deleted_schedule_is_gone(fake_kfp: Any, cluster: Cluster, schedule: Set) -> None:
    new, _ = schedule()

    assert [one.id for one in delete(cluster, "qa")] == [new.id]
    assert names(fake_kfp) == []


@pytest.mark.parametrize("act", [pause, resume, delete])
def test_a_recipe_without_a_schedule_is_told(
    fake_kfp: Any, cluster: Cluster, schedule: Set, act: Callable[..., Any]
) -> None:
    schedule()

    with pytest.raises(BadInput) as raised:
        act(cluster, "qu")

    assert str(raised.value) == f"{fake_kfp.host} has no schedule of 'qu'; it has qa"


def test_too_many_runs_at_once_are_refused(fake_kfp: Any, schedule: Set) -> None:
    with pytest.raises(BadInput, match="Max concurrency of a recurring run must be at least 1 and at most 10"):
        schedule(at_once=11)


def test_a_trigger_of_another_kind_is_told_as_it_is() -> None:
    made = Schedule("1", "qa", cron="", enabled=True, created=None, version=None, url="")

    assert (made.words, made.next_time(datetime(2026, 11, 25))) == ("not by cron", None)
