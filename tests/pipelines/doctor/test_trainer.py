import json
from typing import Any, Dict

import pytest
from podtune.jobs.cluster import open_api
from podtune_pipelines.doctor.trainer import check_trainer

pytestmark = pytest.mark.local

SCHEMA = "GET /openapi/v3/apis/trainer.kubeflow.org/v1alpha1"
RUNTIME = "GET /apis/trainer.kubeflow.org/v1alpha1/namespaces/podtune/trainingruntimes/podtune-torch"
REVIEW = "POST /apis/authorization.k8s.io/v1/selfsubjectaccessreviews"


def schema(*fields: str) -> Dict[str, Any]:
    spec = {"properties": {field: {"type": "object"} for field in fields}}
    kinds = [{"group": "trainer.kubeflow.org", "kind": "TrainJob", "version": "v1alpha1"}]
    trainjob = {"x-kubernetes-group-version-kind": kinds, "properties": {"spec": spec}}
    return {"components": {"schemas": {"other": {"type": "object"}, "org.kubeflow.trainer.TrainJob": trainjob}}}


def test_a_cluster_that_is_ready_for_trainjobs(kubernetes: Any, outcomes: Any) -> None:
    kubernetes.told[SCHEMA] = (200, schema("runtimeRef", "activeDeadlineSeconds"))
    kubernetes.told[RUNTIME] = (200, {})
    kubernetes.told[REVIEW] = (201, {"status": {"allowed": True}})

    assert outcomes(check_trainer(open_api(), "podtune")) == [
        ("Kubeflow Trainer", "ok"),
        ("runtime podtune/podtune-torch", "ok"),
        ("right to create TrainJobs", "ok"),
    ]
    (asked,) = (json.loads(sent)["spec"]["resourceAttributes"] for method, _, sent in kubernetes.requests if sent)
    assert asked == {
        "namespace": "podtune",
        "verb": "create",
        "group": "trainer.kubeflow.org",
        "resource": "trainjobs",
    }


def test_a_cluster_without_any_of_it(kubernetes: Any, outcomes: Any) -> None:
    kubernetes.told[REVIEW] = (201, {"status": {"allowed": False}})

    assert outcomes(check_trainer(open_api(), "podtune")) == [
        ("Kubeflow Trainer", "failed"),
        ("runtime podtune/podtune-torch", "failed"),
        ("right to create TrainJobs", "warning"),
    ]


def test_an_older_trainer_is_refused_with_what_would_do(kubernetes: Any) -> None:
    kubernetes.told[SCHEMA] = (200, schema("runtimeRef", "podTemplateOverrides"))

    found = next(iter(check_trainer(open_api(), "podtune")))

    assert (found.outcome, found.found) == ("failed", "its TrainJobs are those of 2.1 or older")
    assert found.remedy == "install Kubeflow Trainer 2.2 or newer"


def test_a_user_who_may_ask_nothing(kubernetes: Any, outcomes: Any) -> None:
    for question in (SCHEMA, RUNTIME, REVIEW):
        kubernetes.told[question] = (403, {})

    assert {outcome for _, outcome in outcomes(check_trainer(open_api(), "podtune"))} == {"not checked"}
