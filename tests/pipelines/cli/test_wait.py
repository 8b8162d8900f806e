import json
from typing import Any

import pytest

pytestmark = pytest.mark.local


@pytest.fixture
def run(podtune: Any) -> str:
    found: str = json.loads(podtune("submit", "bert-tiny-squad", "--json").out)["run"]
    return found


def test_a_run_that_succeeds_ends_well(podtune: Any, run: str) -> None:
    ended = podtune("wait", run)

    assert (ended.code, ended.out, ended.err) == (0, "succeeded\n", "")


def test_a_run_may_be_given_by_its_address(podtune: Any, fake_kfp: Any, run: str) -> None:
    assert podtune("wait", f"{fake_kfp.host}/#/runs/details/{run}").out == "succeeded\n"


def test_a_failed_run_shows_the_step_and_what_it_said(podtune: Any, fake_kfp: Any, run: str) -> None:
    fake_kfp.progress = [("FAILED", {"compare": "SUCCEEDED", "publish": "FAILED"})]
    fake_kfp.logs = {"publish": "publishing\nerror: bert-tiny-squad is not released: f1 fell\n"}

    ended = podtune("wait", run)

    assert (ended.code, ended.out) == (1, "failed\n")
    assert ended.err.splitlines() == [
        "compare: done in 60 s",
        "publish: failed after 60 s",
        "  publish | publishing",
        "  publish | error: bert-tiny-squad is not released: f1 fell",
        f"error: run {run} failed in publish: bert-tiny-squad is not released: f1 fell; see "
        f"{fake_kfp.host}/#/runs/details/{run}",
    ]


@pytest.mark.parametrize(
    ("end", "code"),
    [
        ("failed to execute component: exit status 3", 3),
        ("failed to execute component: exit status 75", 75),
        ("failed to execute component: exit status 9", 1),
        ("failed to execute component: signal: killed", 1),
    ],
)
def test_the_exit_code_is_the_steps_own_where_it_is_known(
    podtune: Any, fake_kfp: Any, run: str, end: str, code: int
) -> None:
    fake_kfp.progress = [("FAILED", {"publish": "FAILED"})]
    fake_kfp.logs = {"publish": f"F1125 17:00:00.000000 1 main.go:49] {end}\n"}

    assert podtune("wait", run).code == code


def test_a_failed_run_without_a_log_says_why_there_is_none(podtune: Any, fake_kfp: Any, run: str) -> None:
    fake_kfp.progress = [("FAILED", {"finetune": "FAILED"})]

    ended = podtune("wait", run)

    assert ended.code == 75
    assert ended.err.splitlines()[1:] == [
        f"error: run {run} failed in finetune: its pod was lost: deleted, evicted, or gone with its machine; "
        f"`podtune retry {run}` continues it; see {fake_kfp.host}/#/runs/details/{run}",
    ]


@pytest.mark.parametrize(("fault", "message"), [(403, "denies access (HTTP 403"), ("page", "shows no logs")])
def test_a_log_that_is_refused_is_not_taken_for_a_lost_pod(
    podtune: Any, fake_kfp: Any, run: str, fault: Any, message: str
) -> None:
    fake_kfp.progress = [("FAILED", {"finetune": "FAILED"})]
    fake_kfp.fail("GET", "/log", fault)

    ended = podtune("wait", run)

    assert ended.code == 1
    assert f"run {run} failed in finetune: its log is not available: {fake_kfp.host} {message}" in ended.err


@pytest.mark.parametrize("attempts", ["1", "2", "3"])
def test_a_lost_pod_is_tried_again_so_often(podtune: Any, fake_kfp: Any, attempts: str) -> None:
    lost, well = ("FAILED", {"finetune": "FAILED"}), ("SUCCEEDED", {"finetune": "SUCCEEDED"})
    fake_kfp.progress = [lost, lost, well]

    ended = podtune("submit", "bert-tiny-squad", "--wait", "--attempts", attempts)

    assert ended.code == (0 if attempts == "3" else 75)
    assert fake_kfp.asked("POST", ":retry") == int(attempts) - 1
    assert ended.err.count("continues it; see") == min(int(attempts), 2)


@pytest.mark.parametrize("status", [1, 2, 3, 4])
def test_what_ends_the_same_way_is_not_tried_again(podtune: Any, fake_kfp: Any, status: int) -> None:
    fake_kfp.progress = [("FAILED", {"publish": "FAILED"})]
    fake_kfp.logs = {"publish": f"failed to execute component: exit status {status}\n"}

    assert podtune("submit", "bert-tiny-squad", "--wait", "--attempts", "5").code == status
    assert fake_kfp.asked("POST", ":retry") == 0


def test_a_failed_run_is_tried_again(podtune: Any, fake_kfp: Any, run: str) -> None:
    fake_kfp.progress = ["exit75", ("SUCCEEDED", {})]

    ended = podtune("retry", run, "--wait")

    assert (ended.code, ended.out, ended.err) == (0, "succeeded\n", f"trying again: {run}\n")


def test_a_run_that_goes_on_is_not_tried_again(podtune: Any, fake_kfp: Any, run: str) -> None:
    fake_kfp.progress = [("RUNNING", {})]

    ended = podtune("retry", run)

    assert (ended.code, fake_kfp.asked("POST", ":retry")) == (2, 0)
    assert ended.err == f"error: run {run} is running; only a failed or cancelled run can be tried again\n"


def test_a_run_is_cancelled(podtune: Any, fake_kfp: Any, run: str) -> None:
    ended = podtune("cancel", f"{fake_kfp.host}/#/runs/details/{run}")

    assert (ended.code, ended.out, ended.err) == (0, f"cancelled: {run}\n", "")
    assert fake_kfp.runs[run]["state"] == "CANCELING"


def test_a_run_whose_workflow_is_gone_is_named_and_removed_when_asked(podtune: Any, fake_kfp: Any, run: str) -> None:
    fake_kfp.workflows_gone = True

    refused = podtune("cancel", run)
    removed = podtune("cancel", run, "--forget")

    assert refused.code == 1
    assert refused.err == (
        f"error: the workflow of run {run} was deleted; KFP shows it as running for ever; "
        f"`podtune cancel {run} --forget` removes it\n"
    )
    assert (removed.code, removed.out) == (0, f"removed: {run}, whose workflow was gone\n")
    assert run not in fake_kfp.runs


def test_a_run_that_fails_before_its_first_step_says_so(podtune: Any, fake_kfp: Any, run: str) -> None:
    fake_kfp.progress = [("FAILED", {})]
    fake_kfp.runs[run]["state_history"] = [{"state": "FAILED", "error": {"message": "no such image"}}]

    ended = podtune("wait", run)

    assert (ended.code, ended.err) == (1, f"error: run {run} failed before its first step: no such image\n")


def test_a_cancelled_run_ends_at_once(podtune: Any, fake_kfp: Any, run: str) -> None:
    fake_kfp.progress = [("CANCELED", {"fetch-data": "SUCCEEDED", "finetune": "RUNNING"})]

    ended = podtune("wait", run)

    assert (ended.code, ended.out) == (1, "canceled\n")
    assert f"error: run {run} was cancelled (finetune); see" in ended.err


def test_a_scheduled_run_that_stopped_early_says_why(podtune: Any, fake_kfp: Any, run: str) -> None:
    fake_kfp.progress = [("SUCCEEDED", {"tokenize-squad": "SUCCEEDED", "check-unchanged": "SUCCEEDED"})]
    reason = "stop: data, model, code and settings are those of version 3 of qa"
    fake_kfp.logs = {"check-unchanged": f"downloading features\n{reason}\nuploading explanation\n"}

    ended = podtune("wait", run)

    assert (ended.code, ended.out) == (0, "succeeded\n")
    assert ended.err.splitlines()[2:] == [
        "nothing was trained, because nothing changed:",
        "  check_unchanged | stop: data, model, code and settings are those of version 3 of qa",
    ]


def test_a_scheduled_run_that_trained_says_nothing_more(podtune: Any, fake_kfp: Any, run: str) -> None:
    fake_kfp.progress = [("SUCCEEDED", {"check-unchanged": "SUCCEEDED", "finetune": "SUCCEEDED"})]

    assert "nothing was trained" not in podtune("wait", run).err


def test_a_time_limit_has_its_own_exit_code(podtune: Any, fake_kfp: Any, run: str) -> None:
    fake_kfp.progress = [("RUNNING", {})]

    ended = podtune("wait", run, "--timeout", "0.05", "--interval", "0.01")

    assert (ended.code, ended.out) == (75, "")
    assert (
        ended.err == f"error: run {run} is still running after 0.05 s, and continues; follow it: `podtune wait {run}`\n"
    )


def test_an_unknown_run_is_bad_input(podtune: Any, fake_kfp: Any) -> None:
    ended = podtune("wait", "none")

    assert (ended.code, ended.err) == (
        2,
        f"error: {fake_kfp.host} has no such object (HTTP 404: Failed to fetch run none: ResourceNotFoundError: "
        "Run none not found)\n",
    )


def test_an_interrupted_wait_says_that_the_run_goes_on(podtune: Any, run: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*arguments: Any, **options: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr("podtune_pipelines.cluster.waiting.follow", interrupt)

    ended = podtune("wait", run)

    assert (ended.code, ended.err) == (130, f"run {run} continues; follow it again with `podtune wait {run}`\n")


def test_json_has_every_step(podtune: Any, fake_kfp: Any, run: str) -> None:
    fake_kfp.progress = [("SUCCEEDED", {"fetch-data": "SUCCEEDED"})]

    found = json.loads(podtune("wait", run, "--json").out)

    assert (found["id"], found["state"]) == (run, "succeeded")
    assert [(step["name"], step["state"]) for step in found["steps"]] == [("fetch_data", "succeeded")]
