"""What the Kubernetes API answers, and what it does not."""

import logging
from typing import Any

import pytest
from podtune.errors import BadInput, TryAgainLater
from podtune.jobs.cluster import Cluster, QuotaReached

pytestmark = pytest.mark.local

JOB = {"metadata": {"name": "train"}, "spec": {"workers": {"template": {"metadata": {"labels": {}}}}}}


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("podtune.jobs.cluster.time.sleep", lambda seconds: None)


def test_a_job_is_created_once(kubernetes: Any, cluster: Cluster) -> None:
    assert cluster.create(JOB) is True
    assert cluster.create(JOB) is False
    assert cluster.job("train") == JOB


def test_a_job_that_is_not_there_is_none(kubernetes: Any, cluster: Cluster) -> None:
    cluster.delete("train")

    assert cluster.job("train") is None


def test_a_job_is_deleted_with_its_pods(kubernetes: Any, cluster: Cluster) -> None:
    cluster.create(JOB)

    cluster.delete("train")

    assert kubernetes.jobs == {}


@pytest.mark.parametrize("status", [410, 429, 500, 502, 503, 504])
def test_what_passes_is_waited_out(status: int, kubernetes: Any, cluster: Cluster) -> None:
    kubernetes.fails(2, method="POST", status=status)

    assert cluster.create(JOB) is True
    assert len(kubernetes.asked("POST")) == 3


def test_a_quota_that_is_used_up_is_an_error_of_its_own(kubernetes: Any, cluster: Cluster) -> None:
    kubernetes.fails(method="POST", status=403, message="exceeded quota: podtune-ipu")

    with pytest.raises(QuotaReached, match=r"^cannot POST /apis/.*/ipujobs: exceeded quota: podtune-ipu$"):
        cluster.create(JOB)


def test_a_lost_connection_is_made_again(kubernetes: Any, cluster: Cluster) -> None:
    cluster.create(JOB)
    kubernetes.fails(2, reset=True)

    assert cluster.job("train") == JOB


def test_a_job_whose_answer_was_lost_exists(kubernetes: Any, cluster: Cluster) -> None:
    kubernetes.fails(method="POST", lost=True)

    assert cluster.create(JOB) is False
    assert list(kubernetes.jobs) == ["train"]


def test_a_deletion_whose_answer_was_lost_is_done(kubernetes: Any, cluster: Cluster) -> None:
    cluster.create(JOB)
    kubernetes.fails(method="DELETE", lost=True)

    cluster.delete("train")

    assert kubernetes.jobs == {}


def test_an_operator_that_is_down_is_named_when_patience_ends(kubernetes: Any, cluster: Cluster) -> None:
    down = 'failed calling webhook "vipujob.graphcore.ai": connection refused'
    kubernetes.fails(20, method="POST", status=500, message=down)

    with pytest.raises(TryAgainLater) as caught:
        cluster_without_patience(cluster).create(JOB)

    path = "/apis/graphcore.ai/v1alpha1/namespaces/podtune-ipu/ipujobs"
    assert str(caught.value) == f"cannot POST {path}: {down}; try again later"


def cluster_without_patience(cluster: Cluster) -> Cluster:
    return Cluster(cluster._api, cluster.kind, cluster.namespace, patience=0.0)


def test_the_api_says_how_long_to_wait(kubernetes: Any, cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    pauses = []
    monkeypatch.setattr("podtune.jobs.cluster.time.sleep", pauses.append)
    kubernetes.fails(method="POST", status=429, headers={"Retry-After": "3"})

    cluster.create(JOB)

    assert pauses == [3.0]


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (401, r"access denied \(no\); the step's service account needs the role for IPUJobs in namespace podtune-ipu$"),
        (403, r"access denied \(no\); the step's service account needs the role for IPUJobs in namespace podtune-ipu$"),
        (404, r"no; install the IPU operator, or correct the namespace$"),
        (422, r"the API answers 422 \(no\)$"),
    ],
)
def test_what_does_not_pass_is_raised_at_once(status: int, expected: str, kubernetes: Any, cluster: Cluster) -> None:
    kubernetes.fails(method="POST", status=status, message="no")

    with pytest.raises(BadInput, match=expected):
        cluster.create(JOB)

    assert len(kubernetes.asked("POST")) == 1


def test_the_token_is_never_shown(kubernetes: Any, cluster: Cluster, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    kubernetes.fails(status=503)
    kubernetes.fails(status=403)

    with pytest.raises(BadInput) as caught:
        cluster.job("train")

    assert "canary" not in caplog.text + str(caught.value)
