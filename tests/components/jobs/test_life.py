"""A job's life, with a test in the operator's place."""

import logging
import os
import signal
import threading
import time
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Callable, List

import pytest
from podtune.errors import BadInput, Interrupted, PodtuneError, TryAgainLater
from podtune.jobs.cluster import Cluster
from podtune.jobs.life import JobLife, Pace
from podtune.stores.directory_store import DirectoryStore
from podtune.stores.lease import Lease

pytestmark = pytest.mark.local

NAME = "finetune-1"
LABELS = {"podtune/ipujob": NAME}
MANIFEST = {"metadata": {"name": NAME}, "spec": {"workers": {"template": {"metadata": {"labels": LABELS}}}}}
QUICK = Pace(poll=0.02, listen=1.0, start=20.0, hopeless=0.2, leave=5.0)


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr("podtune.jobs.cluster._LONGEST_PAUSE", 0.02)
    caplog.set_level(logging.INFO)


@pytest.fixture
def store(tmp_path: Path) -> DirectoryStore:
    return DirectoryStore(tmp_path / "job")


@pytest.fixture
def life(kubernetes: Any, cluster: Cluster, store: DirectoryStore) -> Callable[..., JobLife]:
    """A function that begins a life at some pace."""
    return lambda pace=QUICK: JobLife(cluster, MANIFEST, Lease(store, "lease", 900), pace)


def wait_until(condition: Callable[[], Any]) -> None:
    """Wait as long as a busy machine may take; the test fails by what it asserts where the time is up."""
    until = time.monotonic() + 20
    while not condition() and time.monotonic() < until:
        time.sleep(0.02)


def succeed(kubernetes: Any, *lines: str) -> Callable[[str], None]:
    """An operator whose worker says some lines and ends well."""

    def operate(name: str) -> None:
        kubernetes.status(name, launcherStatus="Pending", lastMessage="Failed to acquire 16 IPU(s)")
        time.sleep(0.1)
        kubernetes.make_pod(name)
        kubernetes.start(name)
        for second, line in enumerate(lines):
            kubernetes.say(name, line, second // 2)
        kubernetes.end(name)

    return operate


def test_a_job_is_followed_to_its_end_and_deleted(
    kubernetes: Any,
    life: Callable[..., JobLife],
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    store: DirectoryStore,
) -> None:
    kubernetes.operator = succeed(kubernetes, "step 1", "step 2", "step 3")

    life().run()

    assert capsys.readouterr().err == "step 1\nstep 2\nstep 3\n"
    assert kubernetes.jobs == {}
    assert list(store.keys("")) == []
    assert caplog.messages[0] == "created IPUJob finetune-1 in podtune-ipu"
    assert caplog.messages[-1] == "IPUJob finetune-1: worker finetune-1-worker-0 is Succeeded"


def test_a_failure_is_the_workers_own(kubernetes: Any, life: Callable[..., JobLife]) -> None:
    def operate(name: str) -> None:
        kubernetes.make_pod(name)
        kubernetes.start(name)
        kubernetes.end(name, exit_code=2, message="features in s3://a were made for another tokenizer")

    kubernetes.operator = operate

    with pytest.raises(BadInput, match=r"^features in s3://a were made for another tokenizer$"):
        life().run()

    assert kubernetes.jobs == {}


def test_a_log_is_heard_once_however_often_it_breaks(
    kubernetes: Any, life: Callable[..., JobLife], capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [f"step {number}" for number in range(50)]
    kubernetes.operator = succeed(kubernetes, *lines)
    for bytes_before_the_cut in (10, 200, 35, 700):
        kubernetes.fails(path="/log$", cut=bytes_before_the_cut)
    kubernetes.fails(path="/log$", reset=True)
    kubernetes.fails(path="/log$", status=500)

    life().run()

    assert capsys.readouterr().err.splitlines() == lines


def test_a_log_is_heard_while_the_worker_works(
    kubernetes: Any, life: Callable[..., JobLife], capsys: pytest.CaptureFixture[str]
) -> None:
    heard: List[str] = []

    def operate(name: str) -> None:
        kubernetes.make_pod(name)
        kubernetes.start(name)
        kubernetes.say(name, "compiling")
        wait_until(lambda: heard.extend(capsys.readouterr().err.splitlines()) or heard)
        kubernetes.end(name)

    kubernetes.operator = operate

    life().run()

    assert heard == ["compiling"]


@pytest.mark.parametrize("what", [{"status": 503}, {"status": 429}, {"status": 410}, {"reset": True}])
def test_an_api_that_fails_in_between_is_waited_for(
    what: Any, kubernetes: Any, life: Callable[..., JobLife], capsys: pytest.CaptureFixture[str]
) -> None:
    def operate(name: str) -> None:
        kubernetes.fails(3, path=f"/ipujobs/{name}$", **what)
        kubernetes.fails(3, path="/pods$", **what)
        succeed(kubernetes, "step 1")(name)

    kubernetes.operator = operate

    life().run()

    assert capsys.readouterr().err == "step 1\n"


def test_a_job_that_runs_is_joined(
    kubernetes: Any, cluster: Cluster, life: Callable[..., JobLife], capsys: pytest.CaptureFixture[str]
) -> None:
    cluster.create(MANIFEST)
    kubernetes.make_pod(NAME)
    kubernetes.start(NAME)
    kubernetes.say(NAME, "step 1")

    def end() -> None:
        wait_until(lambda: kubernetes.asked("GET", "/log"))
        kubernetes.end(NAME)

    threading.Thread(target=end, daemon=True).start()

    life().run()

    assert capsys.readouterr().err == "step 1\n"
    assert len(kubernetes.asked("POST")) == 2
    assert kubernetes.pods_made == 1


def test_a_job_that_failed_before_is_replaced(
    kubernetes: Any, cluster: Cluster, life: Callable[..., JobLife], capsys: pytest.CaptureFixture[str]
) -> None:
    cluster.create(MANIFEST)
    kubernetes.make_pod(NAME)
    kubernetes.end(NAME, exit_code=75, message="nobody waits for it any more")
    kubernetes.operator = succeed(kubernetes, "step 1")

    life().run()

    assert capsys.readouterr().err == "step 1\n"


def test_a_job_that_is_about_to_go_is_waited_for(
    kubernetes: Any, cluster: Cluster, life: Callable[..., JobLife], capsys: pytest.CaptureFixture[str]
) -> None:
    cluster.create(MANIFEST)
    kubernetes.finalizers.append(NAME)
    cluster.delete(NAME)
    kubernetes.operator = succeed(kubernetes, "step 1")
    threading.Timer(0.3, kubernetes.let_go, [NAME]).start()

    life().run()

    assert capsys.readouterr().err == "step 1\n"


def test_a_job_that_does_not_go_is_named(kubernetes: Any, cluster: Cluster, life: Callable[..., JobLife]) -> None:
    cluster.create(MANIFEST)
    kubernetes.finalizers.append(NAME)
    cluster.delete(NAME)

    with pytest.raises(TryAgainLater, match=r"^an earlier IPUJob finetune-1 does not go away; look whether its oper"):
        life(Pace(poll=0.02, leave=0.2)).run()


@pytest.mark.parametrize("finalizers", [[], [NAME]])
def test_a_job_that_somebody_deletes_is_an_error(
    finalizers: List[str], kubernetes: Any, life: Callable[..., JobLife]
) -> None:
    def operate(name: str) -> None:
        kubernetes.make_pod(name)
        kubernetes.start(name)
        kubernetes.finalizers += finalizers
        kubernetes.remove(name)

    kubernetes.operator = operate

    with pytest.raises(PodtuneError, match=r"^IPUJob finetune-1 was deleted by somebody else; start the step again"):
        life().run()


def test_a_pod_that_is_evicted_may_be_started_again(kubernetes: Any, life: Callable[..., JobLife]) -> None:
    def operate(name: str) -> None:
        kubernetes.make_pod(name)
        kubernetes.start(name)
        kubernetes.evict(name)

    kubernetes.operator = operate

    with pytest.raises(TryAgainLater, match=r"\(Evicted: The node was low on resource: memory\.\)"):
        life().run()

    assert kubernetes.jobs == {}


def test_a_pod_that_the_operator_replaces_is_heard_from_its_start(
    kubernetes: Any, life: Callable[..., JobLife], capsys: pytest.CaptureFixture[str]
) -> None:
    heard: List[str] = []

    def operate(name: str) -> None:
        kubernetes.make_pod(name)
        kubernetes.start(name)
        kubernetes.say(name, "step 1", 30)
        wait_until(lambda: heard.extend(capsys.readouterr().err.splitlines()) or heard)
        looks = len(kubernetes.asked("GET", "/pods"))
        with kubernetes.changed:
            kubernetes.pods.pop(name)
        wait_until(lambda: len(kubernetes.asked("GET", "/pods")) > looks + 2)
        kubernetes.make_pod(name)
        kubernetes.start(name)
        kubernetes.say(name, "step 1 again", 20)
        kubernetes.end(name)

    kubernetes.operator = operate

    life().run()

    assert heard == ["step 1"]
    assert capsys.readouterr().err == "step 1 again\n"


def test_an_image_that_cannot_be_had_is_named(kubernetes: Any, life: Callable[..., JobLife]) -> None:
    def operate(name: str) -> None:
        kubernetes.make_pod(name)
        waiting = {"reason": "ImagePullBackOff", "message": "Back-off pulling image"}
        kubernetes.show(name, "Pending", {"waiting": waiting})

    kubernetes.operator = operate

    with pytest.raises(BadInput, match=r"cannot start: worker .* is Pending: ImagePullBackOff: Back-off pulling image"):
        life().run()


def test_a_worker_that_never_comes_is_given_up(kubernetes: Any, life: Callable[..., JobLife]) -> None:
    with pytest.raises(TryAgainLater, match=r"got no worker in 0 s: no worker yet; the operator reports nothing"):
        life(Pace(poll=0.02, start=0.2)).run()

    assert kubernetes.jobs == {}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_deletes_the_job(number: int, kubernetes: Any, life: Callable[..., JobLife]) -> None:
    def operate(name: str) -> None:
        kubernetes.make_pod(name)
        kubernetes.start(name)
        kubernetes.say(name, "step 1")
        time.sleep(0.2)
        os.kill(os.getpid(), number)
        os.kill(os.getpid(), number)

    kubernetes.operator = operate

    with pytest.raises(Interrupted, match=r"^IPUJob finetune-1 was cancelled, as its step was$"):
        life().run()

    assert kubernetes.jobs == {}
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


def test_a_job_that_cannot_be_deleted_is_left_to_its_lease(
    kubernetes: Any, life: Callable[..., JobLife], caplog: pytest.LogCaptureFixture, store: DirectoryStore
) -> None:
    kubernetes.operator = succeed(kubernetes, "step 1")
    kubernetes.fails(method="DELETE", status=403, message="no")

    life().run()

    assert "IPUJob finetune-1 is left to end by itself: cannot DELETE" in caplog.text
    assert list(store.keys("")) == []


def left_behind(kubernetes: Any, cluster: Cluster, name: str, *, ended: str = "") -> None:
    """A job whose step is gone, with a worker that ended at a time, or that runs."""
    labels = {"app.kubernetes.io/name": "podtune", "podtune/ipujob": name}
    template = {"metadata": {"labels": labels}}
    cluster.create({"metadata": {"name": name, "labels": labels}, "spec": {"workers": {"template": template}}})
    kubernetes.make_pod(name)
    kubernetes.start(name)
    if ended:
        kubernetes.end(name, at=ended)


def test_jobs_that_ended_minutes_ago_are_swept_and_no_others(
    kubernetes: Any, cluster: Cluster, life: Callable[..., JobLife], caplog: pytest.LogCaptureFixture
) -> None:
    left_behind(kubernetes, cluster, "finetune-ended", ended="2026-11-25T10:00:00Z")
    left_behind(kubernetes, cluster, "finetune-just-ended", ended=datetime.now(timezone.utc).isoformat())
    left_behind(kubernetes, cluster, "finetune-running")
    kubernetes.operator = succeed(kubernetes, "step 1")

    life(Pace(poll=0.02, leave=300.0)).run()

    assert sorted(kubernetes.jobs) == ["finetune-just-ended", "finetune-running"]
    assert caplog.messages[0] == "deleting IPUJob finetune-ended, which ended and was left behind"


def test_a_full_quota_is_waited_for_and_swept(
    kubernetes: Any, cluster: Cluster, life: Callable[..., JobLife], caplog: pytest.LogCaptureFixture
) -> None:
    kubernetes.operator = succeed(kubernetes, "step 1")
    full = 'ipujobs.graphcore.ai "finetune-1" is forbidden: exceeded quota: podtune-ipu'
    kubernetes.fails(3, method="POST", status=403, message=full)

    life(Pace(poll=0.02, listen=0.05)).run()

    assert [text for text in caplog.messages if "waiting for room" in text] == [
        f"waiting for room: cannot POST /apis/graphcore.ai/v1alpha1/namespaces/podtune-ipu/ipujobs: {full}"
    ]
    assert len(kubernetes.asked("GET", "/ipujobs")) > 4  # each try sweeps
    assert kubernetes.jobs == {}


def test_a_quota_that_stays_full_is_given_up_for_now(kubernetes: Any, life: Callable[..., JobLife]) -> None:
    kubernetes.fails(50, method="POST", status=403, message="exceeded quota: podtune-ipu")

    with pytest.raises(TryAgainLater, match=r"exceeded quota: podtune-ipu$"):
        life(Pace(poll=0.02, listen=0.02, start=0.1)).run()


def test_jobs_that_may_not_be_listed_do_not_stop_a_step(
    kubernetes: Any, life: Callable[..., JobLife], caplog: pytest.LogCaptureFixture
) -> None:
    kubernetes.operator = succeed(kubernetes, "step 1")
    kubernetes.fails(path="/ipujobs$", status=403, message="cannot list")

    life().run()

    assert "IPUJobs that were left behind stay: cannot GET" in caplog.text
