from typing import Any, Dict, List, Tuple

import pytest
import yaml
from podtune_pipelines.doctor.orchestrators import check_argo, check_retries

pytestmark = pytest.mark.local

CONTROLLER = "GET /api/v1/namespaces/kubeflow/configmaps/workflow-controller-configmap"
ARGOS_CONTROLLER = "GET /api/v1/namespaces/argo/configmaps/workflow-controller-configmap"
LAUNCHER = "GET /api/v1/namespaces/kubeflow/configmaps/kfp-launcher"
STORE = "GET /api/v1/namespaces/kubeflow/configmaps/podtune-s3"
API = "GET /apis/argoproj.io/v1alpha1"
IN_NAMESPACE = "GET /api/v1/namespaces/podtune"
REPOSITORIES = f"{IN_NAMESPACE}/configmaps/artifact-repositories"
SHIPPED = {"spec": {"templateDefaults": {"retryStrategy": {"limit": "2", "retryPolicy": "OnError"}}}}
"""As KFP 2.17 ships it."""


def config_map(**data: Any) -> Tuple[int, Any]:
    texts = {key: value if isinstance(value, str) else yaml.safe_dump(value) for key, value in data.items()}
    return 200, {"data": texts}


def told(findings: Any) -> List[Tuple[str, str, str]]:
    return [(one.about, one.outcome, one.found) for one in findings]


def test_kfp_as_shipped_tries_hardly_anything_again(kubernetes: Any) -> None:
    kubernetes.told[CONTROLLER] = config_map(workflowDefaults=SHIPPED)

    found = next(check_retries(""))

    assert (found.outcome, found.found) == (
        "warning",
        "workflow-controller-configmap has retryPolicy OnError: neither a failed step nor a lost pod is tried again",
    )
    assert found.remedy.startswith("`podtune retry RUN`, or submit --wait --attempts 3, does")


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"workflowDefaults": {"spec": {"templateDefaults": {"retryStrategy": {"retryPolicy": "Always"}}}}},
        {"config": {"workflowDefaults": {"spec": {"templateDefaults": {"retryStrategy": {"retryPolicy": "Always"}}}}}},
        {"workflowDefaults": "{"},
    ],
)
def test_a_controller_that_leaves_steps_their_own_rule(kubernetes: Any, data: Dict[str, Any]) -> None:
    kubernetes.told[CONTROLLER] = config_map(**data)

    assert next(check_retries("")).outcome == "ok"


def test_who_may_not_read_the_controllers_configuration_is_told_so(kubernetes: Any) -> None:
    kubernetes.told[CONTROLLER] = (403, {})

    assert told(check_retries(""))[0] == (
        "KFP's retries",
        "not checked",
        "this user may not read kubeflow/workflow-controller-configmap (HTTP 403)",
    )


ROOT = "s3://mlpipeline/artifacts"
PROVIDERS = {"s3": {"default": {"endpoint": "http://seaweedfs.kubeflow:8333", "forcePathStyle": True}}}


@pytest.mark.parametrize(
    ("launcher", "endpoint", "outcome", "said"),
    [
        ({}, "http://seaweedfs.kubeflow:8333", "ok", "minio://mlpipeline/v2/artifacts"),
        ({"defaultPipelineRoot": ROOT}, "", "ok", ROOT),
        ({"defaultPipelineRoot": ROOT, "providers": PROVIDERS}, "http://seaweedfs.kubeflow:8333", "ok", ROOT),
        (
            {"defaultPipelineRoot": ROOT},
            "http://seaweedfs.kubeflow:8333",
            "failed",
            f"{ROOT} is taken for AWS, although the store is at http://seaweedfs.kubeflow:8333",
        ),
    ],
)
def test_a_pipeline_root_that_the_launcher_cannot_reach(
    kubernetes: Any, launcher: Dict[str, Any], endpoint: str, outcome: str, said: str
) -> None:
    kubernetes.told[CONTROLLER] = config_map()
    kubernetes.told[LAUNCHER] = config_map(**launcher)
    kubernetes.told[STORE] = config_map(**({"AWS_ENDPOINT_URL_S3": endpoint} if endpoint else {}))

    assert told(check_retries(""))[1] == ("KFP's pipeline root", outcome, said)


@pytest.fixture
def argo(kubernetes: Any) -> Any:
    """A namespace with all that the component argo brings."""
    kinds = ("workflows", "workflowtemplates", "cronworkflows", "workflowtaskresults")
    kubernetes.told[API] = (200, {"resources": [{"name": kind} for kind in kinds]})
    for account in ("executor", "publisher", "steps", "ipu-submitter"):
        kubernetes.told[f"{IN_NAMESPACE}/serviceaccounts/podtune-{account}"] = (200, {})
    kubernetes.told[f"{IN_NAMESPACE}/secrets/podtune-s3"] = (200, {})
    kubernetes.told[f"{IN_NAMESPACE}/secrets/podtune-notify"] = (404, {})
    kubernetes.told[REPOSITORIES] = config_map(podtune={"s3": {"bucket": "b", "endpoint": "seaweedfs.kubeflow:8333"}})
    quota = {"spec": {"hard": {"pods": "50", "requests.nvidia.com/gpu": "8"}}}
    kubernetes.told[f"{IN_NAMESPACE}/resourcequotas"] = (200, {"items": [{"spec": {}}, quota]})
    kubernetes.told[ARGOS_CONTROLLER] = config_map(executor={"securityContext": {"runAsNonRoot": True}})
    return kubernetes


def test_a_namespace_that_is_ready_for_argo(argo: Any) -> None:
    assert told(check_argo("podtune", "gpu", ["nvidia.com/gpu"])) == [
        ("Argo", "ok", "the cluster has Argo Workflows (argoproj.io/v1alpha1)"),
        ("account podtune/podtune-executor", "ok", "exists"),
        ("account podtune/podtune-publisher", "ok", "exists"),
        ("account podtune/podtune-steps", "ok", "exists"),
        ("secret podtune/podtune-s3", "ok", "exists"),
        ("secret podtune/podtune-notify", "ok", "does not exist: nobody is told how a run ends (docs/notify.md)"),
        ("artifact repository of podtune", "ok", "b at seaweedfs.kubeflow:8333"),
        ("GPUs that podtune may use", "ok", "at most 8 of nvidia.com/gpu"),
        ("Argo's own containers", "ok", "keep the restricted standard (argo/workflow-controller-configmap)"),
    ]
    assert ("account podtune/podtune-ipu-submitter", "ok", "exists") in told(check_argo("podtune", "ipu"))


def test_a_cluster_without_argo(kubernetes: Any) -> None:
    assert told(check_argo("podtune", "cpu")) == [
        ("Argo", "failed", "the cluster has no cronworkflows, workflows, workflowtaskresults, workflowtemplates")
    ]


@pytest.mark.parametrize(
    ("path", "answer", "expected"),
    [
        (
            f"{IN_NAMESPACE}/serviceaccounts/podtune-steps",
            (404, {}),
            ("account podtune/podtune-steps", "failed", "does not exist"),
        ),
        (
            f"{IN_NAMESPACE}/serviceaccounts/podtune-steps",
            (403, {}),
            ("account podtune/podtune-steps", "not checked", "this user may not read it (HTTP 403)"),
        ),
        (f"{IN_NAMESPACE}/secrets/podtune-notify", (200, {}), ("secret podtune/podtune-notify", "ok", "exists")),
        (f"{IN_NAMESPACE}/secrets/podtune-s3", (404, {}), ("secret podtune/podtune-s3", "warning", "does not exist")),
        (
            REPOSITORIES,
            (404, {}),
            ("artifact repository of podtune", "failed", "there is no config map artifact-repositories"),
        ),
        (
            REPOSITORIES,
            config_map(podtune={"s3": {"bucket": "b", "endpoint": "http://seaweedfs.kubeflow:8333"}}),
            (
                "artifact repository of podtune",
                "failed",
                "its endpoint http://seaweedfs.kubeflow:8333 must be a host and port",
            ),
        ),
        (
            REPOSITORIES,
            config_map(podtune="["),
            ("artifact repository of podtune", "failed", "artifact-repositories names no bucket and endpoint of S3"),
        ),
        (
            f"{IN_NAMESPACE}/resourcequotas",
            (200, {"items": [{"spec": {"hard": {"requests.nvidia.com/gpu": "0"}}}]}),
            ("GPUs that podtune may use", "failed", "its quota allows no nvidia.com/gpu: the pod would wait for ever"),
        ),
        (
            f"{IN_NAMESPACE}/resourcequotas",
            (200, {"items": []}),
            ("GPUs that podtune may use", "ok", "no quota limits nvidia.com/gpu"),
        ),
        (
            ARGOS_CONTROLLER,
            config_map(),
            (
                "Argo's own containers",
                "failed",
                "argo/workflow-controller-configmap gives them no securityContext: no pod would be let in",
            ),
        ),
        (
            ARGOS_CONTROLLER,
            (403, {}),
            (
                "Argo's own containers",
                "not checked",
                "workflow-controller-configmap was found neither in argo nor in kubeflow (HTTP 404)",
            ),
        ),
    ],
)
def test_what_a_namespace_lacks_is_named(argo: Any, path: str, answer: Any, expected: Tuple[str, str, str]) -> None:
    argo.told[path] = answer

    assert expected in told(check_argo("podtune", "gpu", ["nvidia.com/gpu"]))
