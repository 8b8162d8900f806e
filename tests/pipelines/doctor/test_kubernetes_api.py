import json
from pathlib import Path
from typing import Any

import pytest
import urllib3
from podtune.errors import TryAgainLater
from podtune.jobs.cluster import open_api
from podtune_pipelines.doctor.kubernetes_api import check_kubernetes

pytestmark = pytest.mark.local

REVIEW = "POST /apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
IPUJOBS = "GET /apis/graphcore.ai/v1alpha1"
NAMESPACE = "GET /api/v1/namespaces/podtune-ipu"


def test_without_a_cluster_nothing_is_known(monkeypatch: pytest.MonkeyPatch, outcomes: Any) -> None:
    monkeypatch.setattr("kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", "/nonexistent/kubeconfig")

    assert outcomes(check_kubernetes("ipu", "podtune-ipu")) == [("Kubernetes", "not checked")]


def test_the_api_answers_with_its_version_and_knows_us(kubernetes: Any) -> None:
    (found,) = check_kubernetes("cpu", "podtune-ipu")

    assert (found.outcome, found.found) == ("ok", f"{kubernetes.url} runs v1.33.2")
    assert kubernetes.requests[0][1]["authorization"] == "Bearer token-of-me"


def test_a_kubeconfig_that_is_not_accepted_ends_the_check(kubernetes: Any, outcomes: Any) -> None:
    kubernetes.told["GET /version"] = (401, {})

    assert outcomes(check_kubernetes("ipu", "podtune-ipu")) == [("Kubernetes", "failed")]


def test_an_api_that_does_not_answer_is_for_later(kubernetes: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("podtune_pipelines.doctor.kubernetes_api.TIMEOUT", 0.05)
    kubernetes.silent = True

    with pytest.raises(TryAgainLater, match="cannot be reached"):
        list(check_kubernetes("cpu", "podtune-ipu"))


@pytest.mark.parametrize(
    ("nodes", "outcome", "said"),
    [
        ([{}, {"nvidia.com/gpu": "4"}, {"nvidia.com/gpu": "2"}], "ok", "6 of nvidia.com/gpu on 2 of 3 nodes"),
        ([{}, {"nvidia.com/gpu": "0", "cpu": "8"}], "failed", "none of 2 nodes offers nvidia.com/gpu"),
        (
            [{"amd.com/gpu": "8"}, {"nvidia.com/mig-1g.5gb": "7"}],
            "failed",
            "none of 2 nodes offers nvidia.com/gpu; they offer amd.com/gpu, nvidia.com/mig-1g.5gb",
        ),
    ],
)
def test_gpus_are_counted(kubernetes: Any, nodes: Any, outcome: str, said: str) -> None:
    kubernetes.told["GET /api/v1/nodes"] = (200, {"items": [{"status": {"allocatable": offer}} for offer in nodes]})

    found = list(check_kubernetes("gpu", "podtune-ipu", ["nvidia.com/gpu"]))[-1]

    assert (found.about, found.outcome, found.found) == ("GPUs of the cluster", outcome, said)


def test_who_may_not_list_nodes_is_told_so(kubernetes: Any, outcomes: Any) -> None:
    kubernetes.told["GET /api/v1/nodes"] = (403, {})

    assert outcomes(check_kubernetes("gpu", "podtune-ipu", ["nvidia.com/gpu"]))[1:] == [
        ("GPUs of the cluster", "not checked")
    ]


def test_a_cluster_that_is_ready_for_ipus(kubernetes: Any, outcomes: Any) -> None:
    kubernetes.told[IPUJOBS] = (200, {"resources": [{"name": "ipujobs"}]})
    kubernetes.told[NAMESPACE] = (200, {})
    kubernetes.told[REVIEW] = (201, {"status": {"allowed": True}})

    assert outcomes(check_kubernetes("ipu", "podtune-ipu"))[1:] == [
        ("IPU operator", "ok"),
        ("namespace podtune-ipu", "ok"),
        ("right to create IPUJobs", "ok"),
    ]
    asked = json.loads(kubernetes.requests[-1][2])["spec"]["resourceAttributes"]
    assert asked == {"namespace": "podtune-ipu", "verb": "create", "group": "graphcore.ai", "resource": "ipujobs"}


def test_a_cluster_without_any_of_it(kubernetes: Any, outcomes: Any) -> None:
    kubernetes.told[REVIEW] = (201, {"status": {"allowed": False}})

    assert outcomes(check_kubernetes("ipu", "podtune-ipu"))[1:] == [
        ("IPU operator", "failed"),
        ("namespace podtune-ipu", "failed"),
        ("right to create IPUJobs", "warning"),
    ]


def test_a_user_who_may_ask_nothing(kubernetes: Any, outcomes: Any) -> None:
    for question in (IPUJOBS, NAMESPACE, REVIEW):
        kubernetes.told[question] = (403, {})

    assert outcomes(check_kubernetes("ipu", "podtune-ipu"))[1:] == [
        ("IPU operator", "not checked"),
        ("namespace podtune-ipu", "not checked"),
        ("right to create IPUJobs", "not checked"),
    ]


def test_a_kubeconfigs_api_is_asked_through_the_proxy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = {"name": "c", "cluster": {"server": "https://api.corp:6443"}}
    context = {"name": "x", "context": {"cluster": "c", "user": "u"}}
    kubeconfig = {
        "current-context": "x",
        "clusters": [cluster],
        "contexts": [context],
        "users": [{"name": "u", "user": {}}],
    }
    (tmp_path / "kubeconfig").write_text(json.dumps(kubeconfig))
    monkeypatch.setattr("kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", str(tmp_path / "kubeconfig"))
    monkeypatch.setenv("HTTPS_PROXY", "http://me:canary@proxy.corp:3128")

    api = open_api()
    monkeypatch.setenv("NO_PROXY", ".corp")
    direct = open_api()

    assert api is not None
    assert api.configuration.proxy_headers == {"proxy-authorization": "Basic bWU6Y2FuYXJ5"}
    assert isinstance(api.rest_client.pool_manager, urllib3.ProxyManager)
    assert direct is not None
    assert direct.configuration.proxy is None
