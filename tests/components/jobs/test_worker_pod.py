from typing import Any, Dict, Optional, Type

import pytest
from podtune.errors import BadInput, GateRefused, Interrupted, LostRace, PodtuneError, TryAgainLater
from podtune.jobs.ipujob import IpuJob
from podtune.jobs.kind import is_leaving
from podtune.jobs.worker_pod import WorkerPod, read_pod

JOB: Dict[str, Any] = {"metadata": {"name": "finetune-1"}}


def failure_in(job: Dict[str, Any], pod: Optional[WorkerPod]) -> Optional[PodtuneError]:
    return IpuJob().failure_in(job, [pod] if pod else [])


def has_ended(job: Dict[str, Any], pod: Optional[WorkerPod]) -> bool:
    return IpuJob().has_ended(job, [pod] if pod else [])


def state_of(job: Dict[str, Any], pod: Optional[WorkerPod]) -> str:
    return IpuJob().state_of(job, [pod] if pod else [], "")


def pod(phase: str, state: Optional[Dict[str, Any]] = None, **status: Any) -> WorkerPod:
    beside = {"name": "proxy", "state": {"running": {}}}
    containers = [] if state is None else [beside, {"name": "worker", "state": state}]
    shown = {"phase": phase, "containerStatuses": containers, **status}
    return read_pod({"metadata": {"name": "finetune-1-worker-0", "uid": "u"}, "status": shown}, "worker")


def terminated(exit_code: int, **more: Any) -> WorkerPod:
    return pod("Failed" if exit_code else "Succeeded", {"terminated": {"exitCode": exit_code, **more}})


def test_a_pod_that_is_new_says_little() -> None:
    found = read_pod({"metadata": {"name": "finetune-1-worker-0", "uid": "u"}}, "worker")

    assert (found.phase, found.started, found.ended, found.exit_code) == ("Pending", False, False, None)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (1, PodtuneError),
        (2, BadInput),
        (3, GateRefused),
        (4, LostRace),
        (75, TryAgainLater),
        (143, Interrupted),
        (139, PodtuneError),
    ],
)
def test_a_step_ends_as_its_worker_did(code: int, kind: Type[PodtuneError]) -> None:
    failure = failure_in(JOB, terminated(code, message="training.epochs must be at least 1; got 0\n"))

    assert type(failure) is kind
    assert str(failure) == "training.epochs must be at least 1; got 0"


def test_a_worker_without_a_last_word_points_to_its_log() -> None:
    failure = failure_in(JOB, terminated(139))

    assert str(failure) == "finetune-1-worker-0 ended with exit code 139; its log says why"


def test_a_worker_that_succeeded_is_no_failure() -> None:
    assert failure_in(JOB, terminated(0)) is None


def test_a_container_beside_the_worker_may_run_on() -> None:
    found = pod("Running", {"terminated": {"exitCode": 0}})

    assert found.ended
    assert failure_in(JOB, found) is None


@pytest.mark.parametrize("reason", ["Evicted", "DeadlineExceeded", "Preempting", "NodeLost"])
def test_what_the_cluster_ends_may_be_started_again(reason: str) -> None:
    failure = failure_in(JOB, pod("Failed", {"terminated": {"exitCode": 137}}, reason=reason, message="No room."))

    assert isinstance(failure, TryAgainLater)
    assert str(failure) == (
        f"the cluster ended finetune-1-worker-0 ({reason}: No room.); start the step again, it continues"
    )


def test_a_pod_that_failed_without_its_container_may_be_started_again() -> None:
    failure = failure_in(JOB, pod("Failed"))

    assert isinstance(failure, TryAgainLater)


def test_too_little_memory_is_named() -> None:
    failure = failure_in(JOB, terminated(137, reason="OOMKilled"))

    assert type(failure) is PodtuneError
    assert "took more memory than its limit" in str(failure)


def test_a_pod_tells_whether_its_job_has_ended() -> None:
    completed = {**JOB, "status": {"launcherStatus": "Completed", "completionTime": "2026-11-25T10:00:00Z"}}

    assert not has_ended(completed, pod("Running", {"running": {}}))
    assert has_ended(JOB, terminated(0))


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ({}, False),
        ({"launcherStatus": "Pending"}, False),
        ({"launcherStatus": "Completed"}, True),
        ({"launcherStatus": "anything", "completionTime": "2026-11-25T10:00:00Z"}, True),
    ],
)
def test_without_a_pod_the_operators_status_counts(status: Dict[str, Any], expected: bool) -> None:
    assert has_ended({**JOB, "status": status}, None) is expected


def test_a_worker_that_is_gone_failed_if_the_operator_says_so() -> None:
    failed = {**JOB, "status": {"launcherStatus": "Completed", "workersStatus": {"failed": 1}}}
    succeeded = {**JOB, "status": {"launcherStatus": "Completed", "workersStatus": {"succeeded": 1}}}

    assert isinstance(failure_in(failed, None), TryAgainLater)
    assert failure_in(succeeded, None) is None


def test_a_job_that_was_deleted_is_leaving() -> None:
    assert is_leaving({"metadata": {"name": "finetune-1", "deletionTimestamp": "2026-11-25T10:00:00Z"}})
    assert not is_leaving(JOB)


def test_the_state_is_one_line() -> None:
    waiting = {"waiting": {"reason": "ImagePullBackOff", "message": 'Back-off pulling image "x"'}}
    pending = {"launcherStatus": "Pending", "lastMessage": "Failed to acquire 16 IPU(s)"}

    assert state_of(JOB, None) == "no worker yet; the operator reports nothing"
    assert state_of({**JOB, "status": pending}, None) == (
        "no worker yet; the operator reports Pending: Failed to acquire 16 IPU(s)"
    )
    assert state_of(JOB, pod("Pending", waiting)) == (
        'worker finetune-1-worker-0 is Pending: ImagePullBackOff: Back-off pulling image "x"'
    )
    assert state_of(JOB, pod("Running", {"running": {}})) == "worker finetune-1-worker-0 is Running"
