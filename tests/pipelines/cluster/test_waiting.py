from typing import Any, Callable, List

import pytest
from podtune.errors import BadInput, PodtuneError, TryAgainLater
from podtune_pipelines.cluster.client import Cluster, Missing
from podtune_pipelines.cluster.runs import Conditions, read_run, start_run
from podtune_pipelines.cluster.waiting import follow, last_lines

pytestmark = pytest.mark.local

SOON = 0.001
"""Seconds between two polls."""


@pytest.fixture
def run(cluster: Cluster, upload: Callable[..., Any]) -> str:
    return start_run(cluster, upload(), "a run", Conditions()).id


def test_each_change_of_a_step_is_told_once(fake_kfp: Any, cluster: Cluster, run: str) -> None:
    fake_kfp.progress = [
        ("PENDING", {}),
        ("RUNNING", {"fetch-data": "PENDING"}),
        ("RUNNING", {"fetch-data": "RUNNING"}),
        ("RUNNING", {"fetch-data": "RUNNING"}),
        ("RUNNING", {"fetch-data": "SUCCEEDED", "finetune": "RUNNING"}),
        ("SUCCEEDED", {"fetch-data": "SUCCEEDED", "finetune": "SUCCEEDED"}),
    ]
    said: List[str] = []

    ended = follow(cluster, run, said.append, interval=SOON)

    assert ended.state == "succeeded"
    assert said == [
        "fetch_data: running",
        "fetch_data: succeeded after 60 s",
        "finetune: running",
        "finetune: succeeded after 60 s",
    ]


@pytest.mark.parametrize("state", ["FAILED", "CANCELED", "SKIPPED"])
def test_waiting_ends_with_every_end(fake_kfp: Any, cluster: Cluster, run: str, state: str) -> None:
    fake_kfp.progress = [("RUNNING", {"finetune": "RUNNING"}), (state, {"finetune": "FAILED"})]

    ended = follow(cluster, run, [].append, interval=SOON)

    assert ended.state == state.lower()
    assert fake_kfp.looks == 2


def test_a_run_that_is_being_cancelled_has_not_ended(fake_kfp: Any, cluster: Cluster, run: str) -> None:
    fake_kfp.progress = [("CANCELING", {}), ("CANCELED", {})]

    assert follow(cluster, run, [].append, interval=SOON).state == "canceled"


def test_waiting_has_a_limit(fake_kfp: Any, cluster: Cluster, run: str) -> None:
    fake_kfp.progress = [("RUNNING", {})]

    with pytest.raises(TryAgainLater) as raised:
        follow(cluster, run, [].append, interval=SOON, limit=0.02)

    assert (
        str(raised.value) == f"run {run} is still running after 0.02 s, and continues; follow it: `podtune wait {run}`"
    )


def test_a_short_outage_is_told_and_waited_for(fake_kfp: Any, cluster: Cluster, run: str) -> None:
    fake_kfp.fail("GET", f"runs/{run}", 500, times=2)
    said: List[str] = []

    assert follow(cluster, run, said.append, interval=SOON).state == "succeeded"
    assert said == [f"{fake_kfp.host} is unavailable (HTTP 500: the fake answers 500); try again later; waiting"] * 2


def test_a_long_outage_ends_the_waiting(fake_kfp: Any, cluster: Cluster, run: str) -> None:
    fake_kfp.fail("GET", f"runs/{run}", 500, times=9)

    with pytest.raises(TryAgainLater, match="is unavailable"):
        follow(cluster, run, [].append, interval=SOON, outage=0.0)


def test_a_run_that_is_deleted_meanwhile_ends_the_waiting(fake_kfp: Any, cluster: Cluster, run: str) -> None:
    del fake_kfp.runs[run]

    with pytest.raises(Missing, match=f"Run {run} not found"):
        follow(cluster, run, [].append, interval=SOON)


def test_a_token_that_expires_ends_the_waiting(fake_kfp: Any, cluster: Cluster, run: str) -> None:
    fake_kfp.fail("GET", f"runs/{run}", 401)

    with pytest.raises(BadInput, match="rejects your credentials"):
        follow(cluster, run, [].append, interval=SOON)


def test_the_end_of_a_log_is_what_a_person_can_read(fake_kfp: Any, cluster: Cluster, run: str) -> None:
    fake_kfp.progress = [("FAILED", {"finetune": "FAILED"})]
    fake_kfp.logs = {"finetune": "".join(f"line {number}\n" for number in range(30)) + "\x1b[31mred\x07 é\n"}
    found = read_run(cluster, run)

    lines = last_lines(cluster, found, found.steps[0])

    assert len(lines) == 20
    assert (lines[0], lines[-2:]) == ("line 11", ("line 29", "[31mred é"))


@pytest.mark.parametrize(
    ("fault", "message"),
    [(None, "Could not get main container logs"), (404, "has no such object"), ("page", "shows no logs")],
)
def test_a_log_that_cannot_be_had_is_an_error(
    fake_kfp: Any, cluster: Cluster, run: str, fault: Any, message: str
) -> None:
    fake_kfp.progress = [("FAILED", {"finetune": "FAILED"})]
    fake_kfp.fail("GET", "/k8s/pod/logs", fault)
    found = read_run(cluster, run)

    with pytest.raises(PodtuneError, match=message):
        last_lines(cluster, found, found.steps[0])
