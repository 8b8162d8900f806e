"""Kubeflow Trainer: whether a cluster can train in TrainJobs, as --nodes has it."""

from typing import Any, Dict, Iterator, Mapping

from podtune.jobs.trainjob import API_VERSION, RUNTIME, TrainJob

from podtune_pipelines.doctor.findings import Finding, failed, not_checked, ok
from podtune_pipelines.doctor.kubernetes_api import request, right_to_create
from podtune_pipelines.doctor.kueue import check_kueue
from podtune_pipelines.doctor.servers import json_of


def check_trainer(api: Any, namespace: str) -> Iterator[Finding]:
    """Check Trainer's version, that the namespace has podtune's runtime, and that a queue would start its jobs."""
    yield _version(api)
    yield _runtime(api, namespace)
    yield right_to_create(api, TrainJob(), namespace)
    yield from check_kueue(api)


def _version(api: Any) -> Finding:
    """Ask for the published schema, which every user may read; no object says which version it is."""
    about = "Kubeflow Trainer"
    answer = request(api, "GET", f"/openapi/v3/apis/{API_VERSION}")
    if answer.status == 404:
        return failed(about, f"the cluster has no trainjobs of {API_VERSION}", f"install {TrainJob.operator}")
    fields = _fields(json_of(answer) or {}) if answer.status == 200 else {}
    if not fields:
        return not_checked(about, f"its schema cannot be read (HTTP {answer.status})", "ask its administrator")
    if "activeDeadlineSeconds" not in fields:
        return failed(about, "its TrainJobs are those of 2.1 or older", f"install {TrainJob.operator}")
    return ok(about, f"the cluster has TrainJobs ({API_VERSION}) of 2.2 or newer")


def _fields(published: Mapping[str, Any]) -> Dict[str, Any]:
    """The fields of a TrainJob's spec."""
    for schema in published.get("components", {}).get("schemas", {}).values():
        kinds = {one.get("kind") for one in schema.get("x-kubernetes-group-version-kind", [])}
        if TrainJob.word in kinds:
            return dict(schema["properties"]["spec"]["properties"])
    return {}


def _runtime(api: Any, namespace: str) -> Finding:
    about = f"runtime {namespace}/{RUNTIME}"
    path = f"/apis/{API_VERSION}/namespaces/{namespace}/trainingruntimes/{RUNTIME}"
    status = request(api, "GET", path).status
    if status == 404:
        return failed(about, "does not exist", "apply an overlay with the component trainjobs (manifests/)")
    return ok(about, "exists") if status == 200 else not_checked(about, f"this user may not read it (HTTP {status})")
