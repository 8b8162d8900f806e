from dataclasses import replace
from typing import Any, Callable, List

import pytest
from podtune.errors import PodtuneError, TryAgainLater
from podtune_pipelines.cluster.client import Cluster, Missing
from podtune_pipelines.cluster.runs import Conditions, start_run
from podtune_pipelines.cluster.waiting import Patience, follow

pytestmark = pytest.mark.local

SOON = Patience(interval=0.001, settling=5.0)


@pytest.fixture
def run(cluster: Cluster, upload: Callable[..., Any]) -> str:
    return start_run(cluster, upload(), "a run", Conditions()).id


def test_each_change_of_a_step_is_told_once(fake_kfp: Any, cluster: Cluster, run: str) -> None:
    fake_kfp.progress = [
        ("PENDING", {}),
        ("RUNNING", {"fetch-data": "PENDING"}),
        ("RUNNING", {"fetch-data": "RUNNING"}),
        ("RUNNING", {"fetch-data": "RUNNING"}),
        ("RUNNING", {"fetch-data": "SUCCEEDED", "fetch-model": "SKIPPED", "finetune": "RUNNING"}),
        ("SUCCEEDED", {"fetch-data": "SUCCEEDED", "fetch-model": "SKIPPED", "finetune": "SUCCEEDED"}),
    ]
    said: List[str] = []

    ended = follow(cluster, run, said.append, SOON)

    assert ended.state == "succeeded"
    assert said == [
        "fetch_data: waiting for a machine",
        "fetch_data: running",
        "fetch_data: done in 60 s",
        "fetch_model: reused",
        "finetune: running",
        "finetune: done in 60 s",
    ]


@pytest.mark.parametrize("state", ["FAILED", "CANCELED", "SKIPPED"])
def test_waiting_ends_with_every_end(fake_kfp: Any, cluster: Cluster, run: str, state: str) -> None:
    fake_kfp.progress = [("RUNNING", {"finetune": "RUNNING"}), (state, {"finetune": "FAILED"})]

    ended = follow(cluster, run, [].append, SOON)

    assert ended.state == state.lower()
    assert fake_kfp.looks == 2


def test_a_run_that_is_being_cancelled_has_not_ended(fake_kfp: Any, cluster: Cluster, run: str) -> None:
    fake_kfp.progress = [("CANCELING", {}), ("CANCELED", {})]

    assert follow(cluster, run, [].append, SOON).state == "canceled"


def test_waiting_has_a_limit(fake_kfp: Any, cluster: Cluster, run: str) -> None:
    fake_kfp.progress = [("RUNNING", {})]

    with pytest.raises(TryAgainLater) as raised:
        follow(cluster, run, [].append, replace(SOON, limit=0.02))

    assert (
        str(raised.value) == f"run {run} is still running after 0.02 s, and continues; follow it: `podtune wait {run}`"
    )


def test_a_short_outage_is_told_and_waited_for(fake_kfp: Any, cluster: Cluster, run: str) -> None:
    fake_kfp.fail("GET", f"runs/{run}", 500, times=2)
    said: List[str] = []

    assert follow(cluster, run, said.append, SOON).state == "succeeded"
    assert said == [f"{fake_kfp.host} is unavailable (HTTP 500: the fake answers 500); try again later; waiting"] * 2


def test_a_long_outage_ends_the_waiting(fake_kfp: Any, cluster: Cluster, run: str) -> None:
    fake_kfp.fail("GET", f"runs/{run}", 500, times=9)

    with pytest.raises(TryAgainLater, match="is unavailable"):
        follow(cluster, run, [].append, replace(SOON, outage=0.0))


def test_a_run_that_is_deleted_meanwhile_ends_the_waiting(fake_kfp: Any, cluster: Cluster, run: str) -> None:
    del fake_kfp.runs[run]

    with pytest.raises(Missing, match=f"Run {run} not found"):
        follow(cluster, run, [].append, SOON)


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (401, "rejects your credentials (HTTP 401: the fake answers 401); log in again and set KF_PIPELINES_TOKEN"),
        (403, "denies access (HTTP 403: the fake answers 403); ask its administrator, or give your --namespace; if"),
        ("page", "answers with a web page instead of KFP's API; log in again and set KF_PIPELINES_TOKEN"),
        ("login", "redirects to https://dex.invalid/auth, as to a login; log in again and set KF_PIPELINES_TOKEN"),
    ],
)
def test_a_login_that_ends_is_told_with_what_goes_on(
    fake_kfp: Any, cluster: Cluster, run: str, fault: Any, said: str
) -> None:
    fake_kfp.fail("GET", f"runs/{run}", fault)

    with pytest.raises(TryAgainLater) as raised:
        follow(cluster, run, [].append, SOON)

    assert str(raised.value).startswith(f"{fake_kfp.host} {said}")
    assert str(raised.value).endswith(
        f" to the new credentials; run {run} continues, follow it again with `podtune wait {run}`"
    )


def test_a_run_in_which_nothing_changes_is_looked_at(
    fake_kfp: Any, cluster: Cluster, run: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its workflow may have been deleted, which KFP does not notice."""
    fake_kfp.progress = [("RUNNING", {"finetune": "RUNNING"})]
    answers = iter([False, True])
    monkeypatch.setattr("podtune_pipelines.cluster.waiting.has_no_pods", lambda namespace, run: next(answers))
    said: List[str] = []

    with pytest.raises(PodtuneError) as raised:
        follow(cluster, run, said.append, replace(SOON, silence=0.01))

    assert said == [
        "finetune: running",
        f"nothing has changed for 0 min; its pods: kubectl -n kubeflow get pods -l pipeline/runid={run}",
    ]
    assert str(raised.value) == (
        f"run {run} has no pods: its workflow was deleted, and KFP will show it as running for ever; "
        f"`podtune cancel {run} --forget` removes it"
    )
