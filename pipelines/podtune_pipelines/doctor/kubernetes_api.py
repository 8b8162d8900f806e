"""Kubernetes: whether its API answers, and whether it offers the accelerators that pipelines request."""

from typing import Any, Iterator, Mapping, Optional, Sequence

import urllib3
from podtune.jobs.cluster import ask_once, open_api
from podtune.jobs.ipujob import API_VERSION, IpuJob
from podtune.jobs.kind import Kind

from podtune_pipelines.doctor.findings import Finding, failed, not_checked, ok, plain
from podtune_pipelines.doctor.servers import TIMEOUT, json_of, unreachable

_ABOUT = "Kubernetes"


def check_kubernetes(device: str, namespace: str, accelerators: Sequence[str] = ()) -> Iterator[Finding]:
    """Check that the API answers, and offers what the device needs: GPUs by the names of their resources."""
    api = open_api()
    if api is None:
        yield not_checked(_ABOUT, "there is neither a pod's service account nor a kubeconfig", "set KUBECONFIG")
        return
    answer = request(api, "GET", "/version")
    if answer.status != 200:
        yield failed(_ABOUT, f"{api.configuration.host} answers with HTTP {answer.status}", "renew the kubeconfig")
        return
    yield ok(_ABOUT, f"{api.configuration.host} runs {plain(str((json_of(answer) or {}).get('gitVersion')))}")
    if device == "gpu":
        yield from _gpus(api, accelerators)
    if device == "ipu":
        yield _operator(api)
        yield _namespace(api, namespace)
        yield right_to_create(api, IpuJob(), namespace)


def _gpus(api: Any, accelerators: Sequence[str]) -> Iterator[Finding]:
    about = "GPUs of the cluster"
    answer = request(api, "GET", "/api/v1/nodes")
    found = json_of(answer) if answer.status == 200 else None
    if found is None:
        yield not_checked(about, f"this user may not list nodes (HTTP {answer.status})", "ask its administrator")
        return
    nodes = [node["status"].get("allocatable", {}) for node in found["items"]]
    for name in accelerators:
        offers = [int(node.get(name, 0)) for node in nodes]
        if sum(offers):
            yield ok(about, f"{sum(offers)} of {name} on {sum(map(bool, offers))} of {len(nodes)} nodes")
        else:
            yield _without(about, name, nodes)


def _without(about: str, name: str, nodes: Sequence[Mapping[str, str]]) -> Finding:
    """No node offers a resource; devices that nodes do offer have names with a slash."""
    offered = sorted({plain(key) for node in nodes for key, count in node.items() if "/" in key and count != "0"})
    others = f"; they offer {', '.join(offered)}" if offered else ""
    remedy = "install its device plugin, or name another by accelerator.resource in a --placement file"
    return failed(about, f"none of {len(nodes)} nodes offers {name}{others}", remedy)


def _operator(api: Any) -> Finding:
    """Ask the discovery API, which every user may read, rather than for the definition itself."""
    about = "IPU operator"
    answer = request(api, "GET", f"/apis/{API_VERSION}")
    kinds = [resource.get("name") for resource in (json_of(answer) or {}).get("resources", [])]
    if answer.status == 200 and "ipujobs" in kinds:
        return ok(about, f"the cluster has IPUJobs ({API_VERSION})")
    if answer.status in (200, 404):
        return failed(about, f"the cluster has no ipujobs of {API_VERSION}", "install Graphcore's IPU operator")
    return not_checked(about, f"this user may not ask (HTTP {answer.status})", "ask its administrator")


def _namespace(api: Any, namespace: str) -> Finding:
    about = f"namespace {namespace}"
    answer = request(api, "GET", f"/api/v1/namespaces/{namespace}")
    if answer.status == 200:
        return ok(about, "exists")
    if answer.status == 404:
        return failed(about, "does not exist", "apply the manifests for IPUs, or set PODTUNE_IPU_NAMESPACE to another")
    return not_checked(about, f"this user may not read it (HTTP {answer.status})")


def right_to_create(api: Any, kind: Kind, namespace: str) -> Finding:
    """Whether this user may create jobs of a kind."""
    about = f"right to create {kind.word}s"
    group = kind.api.partition("/")[0]
    attributes = {"namespace": namespace, "verb": "create", "group": group, "resource": kind.plural}
    spec = {"resourceAttributes": attributes}
    body = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview", "spec": spec}
    answer = request(api, "POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", body)
    status = (json_of(answer) or {}).get("status")
    if answer.status not in (200, 201) or status is None:
        return not_checked(about, f"the API answers with HTTP {answer.status}")
    if status.get("allowed"):
        return ok(about, f"this user has it in {namespace}; steps need it for their own service account")
    remedy = "only steps need it: make sure that their service account has the role, which this user cannot check"
    return Finding(about, "warning", f"this user has none in {namespace}", remedy)


def request(api: Any, method: str, path: str, body: Optional[Mapping[str, Any]] = None) -> Any:
    """Ask the API once; its answer, whatever its status, or TryAgainLater if there is none."""
    try:
        return ask_once(api, method, path, body, TIMEOUT)
    except urllib3.exceptions.HTTPError as error:
        raise unreachable(api.configuration.host, error) from error
