import json
from datetime import datetime
from typing import Any

import pytest
import yaml
from kfp_server import recorded

pytestmark = pytest.mark.local

WEEKLY = ("schedule", "bert-tiny-squad", "--cron", "0 3 * * 1")


@pytest.fixture(autouse=True)
def wednesday(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("podtune_pipelines.cluster.schedules.utc_now", lambda: datetime(2026, 11, 25, 16, 0))


def test_a_schedule_is_shown_back_in_words_with_its_next_times(podtune: Any, fake_kfp: Any) -> None:
    ended = podtune(*WEEKLY)

    (made,) = fake_kfp.recurring.values()
    assert (ended.code, ended.out) == (0, f"{fake_kfp.host}/#/recurringrun/details/{made['recurring_run_id']}\n")
    assert ended.err.splitlines()[1:] == [
        "bert-tiny-squad runs at 03:00 UTC on Mondays (0 0 3 * * 1): 2026-11-30 03:00:00, 2026-12-07 03:00:00, "
        "2026-12-14 03:00:00, …",
        "UTC, unless the cluster's CRON_SCHEDULE_TIMEZONE says otherwise",
    ]
    assert (made["no_catchup"], made["max_concurrency"]) == (True, 1)


def test_a_scheduled_pipeline_trains_under_a_condition(podtune: Any, fake_kfp: Any) -> None:
    podtune(*WEEKLY)

    text = fake_kfp.uploads[0].decode().partition("\r\n\r\n")[2].rpartition("\r\n--")[0]
    spec, _ = yaml.safe_load_all(text)
    tasks = spec["root"]["dag"]["tasks"]
    preparing = ["fetch-data", "fetch-model", "tokenize-squad"]
    assert sorted(tasks) == ["check-store", "check-unchanged", "condition-1", *preparing]
    assert tasks["condition-1"]["triggerPolicy"]["condition"].endswith("== 'train'")


def test_a_changed_schedule_says_what_it_replaces(podtune: Any, fake_kfp: Any) -> None:
    podtune(*WEEKLY)
    podtune("schedules", "pause", "bert-tiny-squad")

    ended = podtune("schedule", "bert-tiny-squad", "--cron", "0 4 * * *", "--json")

    found = json.loads(ended.out)
    assert list(fake_kfp.recurring) == [found["id"]]
    assert (found["words"], found["cron"]) == ("at 04:00 UTC every day", "0 0 4 * * *")
    assert found["next"] == ["2026-11-26 04:00:00", "2026-11-27 04:00:00", "2026-11-28 04:00:00"]
    assert "it replaces the schedule at 03:00 UTC on Mondays, which was paused\n" in ended.err


def test_a_wrong_expression_is_told_before_the_cluster_is_asked(podtune: Any, fake_kfp: Any) -> None:
    ended = podtune("schedule", "bert-tiny-squad", "--cron", "0 3 * * 7")

    assert (ended.code, fake_kfp.requests) == (2, [])
    assert ended.err.startswith("error: the day of week of --cron must be *, or 0-6 or SUN-SAT")


def test_schedules_are_listed_with_their_last_runs(podtune: Any, fake_kfp: Any) -> None:
    podtune(*WEEKLY)
    podtune("submit", "bert-tiny-squad")
    ((schedule, _),) = fake_kfp.recurring.items()
    ((_, run),) = fake_kfp.runs.items()
    for number, state in enumerate(["FAILED", "SUCCEEDED", "SUCCEEDED", "RUNNING"]):
        made = {"run_id": f"r{number}", "recurring_run_id": schedule, "state": state}
        fake_kfp.runs[f"r{number}"] = {**run, **made, "created_at": f"2026-11-2{number}T03:00:00Z"}

    (found,) = json.loads(podtune("schedules", "list", "--json").out)
    listed = podtune("schedules", "list").out.splitlines()[3].split("│")

    assert (found["name"], found["words"], found["enabled"]) == (
        "bert-tiny-squad",
        "at 03:00 UTC on Mondays",
        True,
    )
    assert (found["next"], found["last_runs"]) == (
        "2026-11-30T03:00:00+00:00",
        ["running", "succeeded", "succeeded"],
    )
    assert [cell.strip() for cell in listed[1:4:2]] == ["bert-tiny-squad", "active"]


def test_nights_are_listed_as_what_they_came_to(podtune: Any, fake_kfp: Any) -> None:
    podtune(*WEEKLY)
    ((schedule, _),) = fake_kfp.recurring.items()
    for name in ("gate", "recurring-run-skipped"):
        run = fake_kfp.start_scheduled(schedule)
        fake_kfp.runs[run].update(recorded(name), run_id=run, recurring_run_id=schedule)
    fake_kfp.logs = {"1376260441": "error: exact_match is 96.20\nfailed to execute component: exit status 3\n"}

    (found,) = json.loads(podtune("schedules", "list", "--json").out)

    assert sorted(found["last_runs"]) == ["refused", "unchanged"]


def test_a_recipe_may_have_several_schedules_by_name(podtune: Any, fake_kfp: Any) -> None:
    podtune(*WEEKLY)
    podtune(*WEEKLY, "--name", "nightly", "--set", "training.epochs=1")
    podtune("schedules", "delete", "bert-tiny-squad")

    (found,) = json.loads(podtune("schedules", "list", "--json").out)

    assert found["name"] == "nightly"
    assert [one["display_name"] for one in fake_kfp.recurring.values()] == ["podtune-nightly"]


def test_a_run_outlives_its_schedule(podtune: Any, fake_kfp: Any) -> None:
    podtune(*WEEKLY)
    ((first, _),) = fake_kfp.recurring.items()
    run = fake_kfp.start_scheduled(first)

    replaced = podtune("schedule", "bert-tiny-squad", "--cron", "0 4 * * *")
    listed = podtune("schedules", "list")
    fake_kfp.runs[run]["state"] = "SUCCEEDED"
    swept = podtune("schedules", "pause", "bert-tiny-squad")

    stays = (
        f"an earlier schedule of bert-tiny-squad is paused: its run {run} continues; the next `podtune schedules` "
        f"after its end deletes it\n"
    )
    assert replaced.err.endswith(f"it replaces the schedule at 03:00 UTC on Mondays\n{stays}")
    assert (listed.err, swept.err) == (stays, "")
    assert (first in fake_kfp.recurring, fake_kfp.killed) == (False, [])


def test_a_schedule_is_not_deleted_under_its_run_unless_it_has_to_be_now(podtune: Any, fake_kfp: Any) -> None:
    podtune(*WEEKLY)
    ((schedule, made),) = fake_kfp.recurring.items()
    run = fake_kfp.start_scheduled(schedule)

    kept = podtune("schedules", "delete", "bert-tiny-squad")
    status = made["status"]
    gone = podtune("schedules", "delete", "bert-tiny-squad", "--now")

    assert (kept.code, kept.out, status) == (0, "paused: bert-tiny-squad, at 03:00 UTC on Mondays\n", "DISABLED")
    assert kept.err == (
        f"its run {run} continues, and would end with it; delete the schedule when it has ended, or with --now\n"
    )
    assert (gone.out, gone.err) == (
        "deleted: bert-tiny-squad, at 03:00 UTC on Mondays\n",
        f"cancelling run {run}\n",
    )
    assert fake_kfp.recurring == {}


def test_a_schedule_is_paused_resumed_and_deleted(podtune: Any, fake_kfp: Any) -> None:
    podtune(*WEEKLY)

    said = [podtune("schedules", verb, "bert-tiny-squad").out for verb in ("pause", "resume", "delete")]

    assert said == [
        "paused: bert-tiny-squad, at 03:00 UTC on Mondays\n",
        "resumed: bert-tiny-squad, at 03:00 UTC on Mondays\n",
        "deleted: bert-tiny-squad, at 03:00 UTC on Mondays\n",
    ]
    assert fake_kfp.recurring == {}


def test_a_recipe_without_a_schedule_is_bad_input(podtune: Any, fake_kfp: Any) -> None:
    ended = podtune("schedules", "delete", "minilm-squad")

    assert (ended.code, ended.err) == (2, f"error: {fake_kfp.host} has no schedule 'minilm-squad'; it has none\n")
