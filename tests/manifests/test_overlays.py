"""What the rendered manifests give and forbid; a program renders them, therefore `local`."""

from typing import Any, Callable, Dict, List

import pytest
import yaml
from podtune.jobs.ipujob import EXECUTABLES_CLAIM, STORE_SECRET, WORKER
from podtune.jobs.work import NAMESPACE
from podtune_pipelines.argo.workflow import EXECUTOR, STEPS

Document = Dict[str, Any]
Render = Callable[..., List[Document]]

pytestmark = pytest.mark.local

PRODUCTION = ["overlays/production-ipu", "overlays/production-gpu"]
ARGO = (
    "base/steps",
    "base/ipu",
    "components/argo",
    "components/argo-store",
    "components/store",
    "components/irsa",
)


def named(documents: List[Document], kind: str) -> Dict[str, Document]:
    """Objects of a kind by namespace and name."""
    found = (document for document in documents if document["kind"] == kind)
    return {"/".join(filter(None, (one["metadata"].get("namespace"), one["metadata"]["name"]))): one for one in found}


def test_a_local_kfp_is_only_told_where_its_store_is(render: Render) -> None:
    documents = render("overlays/local")

    assert [(one["kind"], one["metadata"], one["data"]) for one in documents] == [
        (
            "ConfigMap",
            {"name": "podtune-s3", "namespace": "kubeflow"},
            {"AWS_ENDPOINT_URL_S3": "http://seaweedfs.kubeflow:8333", "AWS_REGION": "us-east-1"},
        )
    ]


@pytest.mark.parametrize("overlay", PRODUCTION)
def test_a_cluster_needs_nothing_of_ours_before(overlay: str, render: Render) -> None:
    kinds = {one["kind"] for one in render(overlay)}

    own = {
        "ConfigMap",
        "LimitRange",
        "Namespace",
        "NetworkPolicy",
        "ResourceQuota",
        "Role",
        "RoleBinding",
        "ServiceAccount",
    }
    assert kinds - {"PersistentVolumeClaim"} == own


def test_pods_of_steps_are_restricted_and_only_ipus_are_privileged(render: Render) -> None:
    namespaces = named(render("overlays/production-ipu"), "Namespace")

    enforced = {
        name: one["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] for name, one in namespaces.items()
    }
    warned = {one["metadata"]["labels"]["pod-security.kubernetes.io/warn"] for one in namespaces.values()}
    assert enforced == {"podtune": "restricted", "podtune-ipu": "privileged"}
    assert warned == {"restricted"}


def test_ipujobs_and_their_logs_are_all_that_a_step_may_touch_there(render: Render) -> None:
    roles = named(render("overlays/production-ipu"), "Role")

    assert roles["podtune-ipu/podtune-ipu-submitter"]["rules"] == [
        {
            "apiGroups": ["graphcore.ai"],
            "resources": ["ipujobs"],
            "verbs": ["create", "get", "list", "delete"],
        },
        {"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]},
        {"apiGroups": [""], "resources": ["pods/log"], "verbs": ["get"]},
    ]


def test_the_steps_of_a_kfp_with_one_user_may_create_ipujobs(render: Render) -> None:
    documents = render("overlays/local-ipu")

    binding = named(documents, "RoleBinding")["podtune-ipu/podtune-ipu-submitter"]
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": "pipeline-runner", "namespace": "kubeflow"}]
    assert list(named(documents, "ServiceAccount")) == ["podtune-ipu/default", "podtune-ipu/podtune-ipu-worker"]
    stores = named(documents, "ConfigMap")
    assert stores.keys() == {"kubeflow/podtune-s3", "podtune-ipu/podtune-s3"}
    assert {one["data"]["AWS_ENDPOINT_URL_S3"] for one in stores.values()} == {"http://seaweedfs.kubeflow:8333"}


@pytest.mark.parametrize("parts", [("overlays/production-ipu",), ARGO])
def test_no_role_lists_secrets_starts_pods_or_names_everything(parts: "tuple[str, ...]", render: Render) -> None:
    rules = [rule for role in named(render(*parts), "Role").values() for rule in role["rules"]]

    assert rules
    for rule in rules:
        assert "*" not in rule["verbs"] + rule["resources"] + rule["apiGroups"]
        assert not {"pods/exec", "pods/attach", "pods/ephemeralcontainers"} & set(rule["resources"])
        assert "create" not in rule["verbs"] or "pods" not in rule["resources"]
        if {"secrets", "configmaps"} & set(rule["resources"]):
            assert rule["verbs"] == ["get"]
            assert rule["resourceNames"]


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        (("overlays/production-gpu",), ["podtune/podtune-runner"]),
        (("overlays/production-ipu",), ["podtune/podtune-ipu-submitter", "podtune/podtune-runner"]),
        (ARGO, ["podtune/podtune-ipu-submitter"]),
    ],
)
def test_only_accounts_that_need_one_give_their_pods_a_token(
    parts: "tuple[str, ...]", expected: List[str], render: Render
) -> None:
    accounts = named(render(*parts), "ServiceAccount")

    assert sorted(name for name, one in accounts.items() if one["automountServiceAccountToken"]) == expected


def test_gpus_are_for_those_who_have_them(render: Render) -> None:
    quotas = {
        overlay: named(render(overlay), "ResourceQuota")["podtune/podtune"]["spec"]["hard"]["requests.nvidia.com/gpu"]
        for overlay in PRODUCTION
    }

    assert quotas == {"overlays/production-ipu": "0", "overlays/production-gpu": "8"}


@pytest.mark.parametrize(
    "parts",
    [("overlays/production-ipu",), ("overlays/production-gpu",), ("overlays/local",), ("overlays/local-ipu",), ARGO],
)
def test_no_secret_is_in_the_manifests(parts: "tuple[str, ...]", render: Render) -> None:
    secrets = named(render(*parts), "Secret").values()

    assert [(one["type"], set(one) & {"data", "stringData"}) for one in secrets] in (
        [],
        [("kubernetes.io/service-account-token", set())],
    )


def test_an_ipujob_finds_what_its_manifest_names(render: Render) -> None:
    documents = render("overlays/production-ipu")

    assert f"{NAMESPACE}/{EXECUTABLES_CLAIM}" in named(documents, "PersistentVolumeClaim")
    assert f"{NAMESPACE}/{STORE_SECRET}" in named(documents, "ConfigMap")
    assert f"{NAMESPACE}/{WORKER}" in named(documents, "ServiceAccount")
    assert f"podtune/{STORE_SECRET}" in named(documents, "ConfigMap")


def test_a_workflow_finds_the_accounts_that_it_names(render: Render, step_pods: List[Document]) -> None:
    accounts = named(render(*ARGO), "ServiceAccount")
    secrets = named(render(*ARGO), "Secret")

    used = {f"podtune/{pod['spec']['serviceAccountName']}" for pod in step_pods}
    assert {STEPS, EXECUTOR} == {"podtune-steps", "podtune-executor"}
    assert used == {"podtune/podtune-steps", "podtune/podtune-publisher", "podtune/podtune-ipu-submitter"}
    assert used | {f"podtune/{EXECUTOR}"} <= accounts.keys()
    token = secrets[f"podtune/{EXECUTOR}.service-account-token"]
    assert token["metadata"]["annotations"] == {"kubernetes.io/service-account.name": EXECUTOR}


def test_each_account_has_the_role_of_what_it_does_at_the_store(render: Render) -> None:
    accounts = named(render(*ARGO), "ServiceAccount")

    annotations = {name: one["metadata"].get("annotations", {}) for name, one in accounts.items()}
    roles = {
        name: given["eks.amazonaws.com/role-arn"].rpartition("/")[2] for name, given in annotations.items() if given
    }
    assert roles == {
        "podtune/podtune-steps": "podtune-trainer",
        "podtune/podtune-ipu-submitter": "podtune-trainer",
        "podtune/podtune-publisher": "podtune-publisher",
        "podtune-ipu/podtune-ipu-worker": "podtune-ipu-worker",
    }


OWN_STORE = ("base/steps", "base/ipu", "components/cluster-store")


@pytest.mark.parametrize("parts", [OWN_STORE, ("overlays/production-ipu",)])
def test_kfps_own_store_lets_our_namespaces_in(parts: "tuple[str, ...]", render: Render) -> None:
    namespaces = named(render(*parts), "Namespace")

    labels = {name: one["metadata"]["labels"]["app.kubernetes.io/part-of"] for name, one in namespaces.items()}
    assert labels == {"podtune": "kubeflow-profile", "podtune-ipu": "kubeflow-profile"}


def test_argos_artifacts_lie_in_kfps_own_store(render: Render) -> None:
    maps = named(render(*OWN_STORE, "components/argo", "components/argo-cluster-store"), "ConfigMap")

    repository = yaml.safe_load(maps["podtune/artifact-repositories"]["data"]["podtune"])
    assert repository["archiveLogs"] is True
    assert repository["s3"] == {
        "bucket": "mlpipeline",
        "endpoint": "seaweedfs.kubeflow:8333",
        "insecure": True,
        "accessKeySecret": {"name": "podtune-s3", "key": "AWS_ACCESS_KEY_ID"},
        "secretKeySecret": {"name": "podtune-s3", "key": "AWS_SECRET_ACCESS_KEY"},
        "keyFormat": "artifacts/{{workflow.name}}/logs/{{pod.name}}",
    }


def test_kfp_reaches_an_s3_root_in_a_store_of_ones_own(render: Render) -> None:
    documents = render("base/steps", "components/kfp", "components/cluster-store", "components/kfp-providers")

    maps, roles = named(documents, "ConfigMap"), named(documents, "Role")
    s3 = yaml.safe_load(maps["podtune/kfp-launcher"]["data"]["providers"])["s3"]["default"]
    assert s3["endpoint"] == maps["podtune/podtune-s3"]["data"]["AWS_ENDPOINT_URL_S3"]
    assert (s3["forcePathStyle"], s3["disableSSL"], s3["credentials"]["fromEnv"]) == (True, True, False)
    assert roles["podtune/podtune-runner-store"]["rules"][0]["resourceNames"] == ["podtune-s3"]
