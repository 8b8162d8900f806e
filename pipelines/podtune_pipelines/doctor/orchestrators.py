"""How KFP's and Argo's own configuration treats a run, and whether a namespace has what Argo's runs need."""

from typing import Any, Dict, Iterator, Mapping, Optional, Sequence, Tuple

import yaml
from podtune.jobs.cluster import open_api
from podtune.steps.table import STEPS

from podtune_pipelines.argo.workflow import EXECUTOR
from podtune_pipelines.argo.workflow import STEPS as STEPS_ACCOUNT
from podtune_pipelines.cluster.pods import KFP_NAMESPACE
from podtune_pipelines.doctor.findings import Finding, failed, not_checked, ok, plain, warning
from podtune_pipelines.doctor.kubernetes_api import request
from podtune_pipelines.doctor.servers import json_of
from podtune_pipelines.placement import NOTIFY_SECRET

_CONTROLLER = "workflow-controller-configmap"
_ARGO = "argoproj.io/v1alpha1"
_STORE = "podtune-s3"
"""Of the config map and of the secret that say where the store is, and who one is there (manifests/)."""

_REPOSITORIES = "artifact-repositories"


def check_retries(namespace: str) -> Iterator[Finding]:
    """Say what KFP tries again: as shipped, its Argo replaces a step's own rule by one for errors only."""
    about = "KFP's retries"
    api = open_api()
    if api is None:
        yield not_checked(about, f"only Kubernetes' API shows {_CONTROLLER}", "set KUBECONFIG")
        return
    status, found = _config_map(api, KFP_NAMESPACE, _CONTROLLER)
    if found is None:
        yield not_checked(about, f"this user may not read {KFP_NAMESPACE}/{_CONTROLLER} (HTTP {status})")
    else:
        yield _retries(about, found)
    yield _launcher(api, namespace or KFP_NAMESPACE)
    yield _notification(api, namespace or KFP_NAMESPACE)


def _retries(about: str, controller: Mapping[str, str]) -> Finding:
    defaults = _parsed(controller, "workflowDefaults").get("spec", {}).get("templateDefaults", {})
    policy = defaults.get("retryStrategy", {}).get("retryPolicy", "")
    if policy in ("Always", "OnFailure", ""):
        return ok(about, "a step that fails or whose pod is lost is tried again, and training continues")
    remedy = "`podtune retry RUN`, or submit --wait --attempts 3, does; or set retryPolicy: Always in that config map"
    found = f"{_CONTROLLER} has retryPolicy {plain(str(policy))}: neither a failed step nor a lost pod is tried again"
    return warning(about, found, remedy)


def _launcher(api: Any, namespace: str) -> Finding:
    """Look whether KFP's artifacts are where its launcher can reach them."""
    about = "KFP's pipeline root"
    status, launcher = _config_map(api, namespace, "kfp-launcher")
    if launcher is None:
        return not_checked(about, f"{namespace}/kfp-launcher cannot be read (HTTP {status})")
    root = plain(launcher.get("defaultPipelineRoot", "")) or "minio://mlpipeline/v2/artifacts"
    _, store = _config_map(api, namespace, _STORE)
    endpoint = plain((store or {}).get("AWS_ENDPOINT_URL_S3", ""))
    if root.startswith("s3://") and endpoint and "s3" not in _parsed(launcher, "providers"):
        remedy = "apply the component kfp-providers (manifests/), or use a minio:// root"
        return failed(about, f"{root} is taken for AWS, although the store is at {endpoint}", remedy)
    return ok(about, root)


def check_argo(namespace: str, device: str, accelerators: Sequence[str] = ()) -> Iterator[Finding]:
    """Check that a namespace has what `podtune argo`'s workflows need; of GPUs by the names of their resources."""
    api = open_api()
    if api is None:
        yield not_checked("Argo", "there is neither a pod's service account nor a kubeconfig", "set KUBECONFIG")
        return
    answer = request(api, "GET", f"/apis/{_ARGO}")
    kinds = {resource.get("name") for resource in (json_of(answer) or {}).get("resources", [])}
    missing = {"workflows", "workflowtemplates", "cronworkflows", "workflowtaskresults"} - kinds
    if missing:
        yield failed("Argo", f"the cluster has no {', '.join(sorted(missing))}", "install Argo Workflows 3.6 or later")
        return
    yield ok("Argo", f"the cluster has Argo Workflows ({_ARGO})")
    yield from _accounts(api, namespace, device)
    yield _credentials(api, namespace)
    yield _notification(api, namespace)
    yield _repository(api, namespace)
    if device == "gpu":
        for name in accelerators:
            yield _quota(api, namespace, name)
    yield _executor(api)


def _accounts(api: Any, namespace: str, device: str) -> Iterator[Finding]:
    by_job = {step.account for step in STEPS.values() if step.by_job}
    accounts = {STEPS_ACCOUNT, EXECUTOR, *(step.account for step in STEPS.values() if step.account)}
    for name in sorted(accounts if device == "ipu" else accounts - by_job):
        about = f"account {namespace}/{name}"
        status = request(api, "GET", f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}").status
        if status == 404:
            yield failed(about, "does not exist", "apply an overlay with the component argo (manifests/)")
        elif status != 200:
            yield not_checked(about, f"this user may not read it (HTTP {status})")
        else:
            yield ok(about, "exists")


def _credentials(api: Any, namespace: str) -> Finding:
    about = f"secret {namespace}/{_STORE}"
    status = request(api, "GET", f"/api/v1/namespaces/{namespace}/secrets/{_STORE}").status
    if status == 404:
        return warning(about, "does not exist", "create it (manifests/README.md), unless pods have an identity")
    return ok(about, "exists") if status == 200 else not_checked(about, f"this user may not read it (HTTP {status})")


def _notification(api: Any, namespace: str) -> Finding:
    about = f"secret {namespace}/{NOTIFY_SECRET}"
    status = request(api, "GET", f"/api/v1/namespaces/{namespace}/secrets/{NOTIFY_SECRET}").status
    if status == 404:
        return ok(about, "does not exist: nobody is told how a run ends (docs/notify.md)")
    return ok(about, "exists") if status == 200 else not_checked(about, f"this user may not read it (HTTP {status})")


def _repository(api: Any, namespace: str) -> Finding:
    about = f"artifact repository of {namespace}"
    status, repositories = _config_map(api, namespace, _REPOSITORIES)
    if status == 404:
        return failed(about, f"there is no config map {_REPOSITORIES}", "add the component argo-store (manifests/)")
    if repositories is None:
        return not_checked(about, f"this user may not read {_REPOSITORIES} (HTTP {status})")
    s3 = next((_parsed(repositories, key).get("s3") for key in sorted(repositories)), None) or {}
    endpoint, bucket = str(s3.get("endpoint", "")), plain(str(s3.get("bucket", "")))
    if "://" in endpoint:
        remedy = f"write {plain(endpoint.partition('://')[2])}, and insecure: true for http"
        return failed(about, f"its endpoint {plain(endpoint)} must be a host and port", remedy)
    if not bucket or not endpoint:
        return failed(
            about,
            f"{_REPOSITORIES} names no bucket and endpoint of S3",
            "fill in artifactRepository in manifests/site/site.yaml",
        )
    return ok(about, f"{bucket} at {plain(endpoint)}")


def _quota(api: Any, namespace: str, accelerator: str) -> Finding:
    about = f"GPUs that {namespace} may use"
    answer = request(api, "GET", f"/api/v1/namespaces/{namespace}/resourcequotas")
    found = json_of(answer) if answer.status == 200 else None
    if found is None:
        return not_checked(about, f"this user may not read its quotas (HTTP {answer.status})")
    hard = [quota["spec"].get("hard", {}).get(f"requests.{accelerator}") for quota in found["items"]]
    least = min((int(limit) for limit in hard if limit is not None), default=None)
    if least == 0:
        return failed(
            about,
            f"its quota allows no {accelerator}: the pod would wait for ever",
            "add the component gpus (manifests/)",
        )
    return ok(about, f"no quota limits {accelerator}" if least is None else f"at most {least} of {accelerator}")


def _executor(api: Any) -> Finding:
    """Look whether Argo's own containers keep the namespace's pod security standard."""
    about = "Argo's own containers"
    for namespace in ("argo", KFP_NAMESPACE):
        status, controller = _config_map(api, namespace, _CONTROLLER)
        if controller is None:
            continue
        if _parsed(controller, "executor").get("securityContext", {}).get("runAsNonRoot"):
            return ok(about, f"keep the restricted standard ({namespace}/{_CONTROLLER})")
        remedy = "add executor.securityContext as manifests/README.md has it"
        return failed(about, f"{namespace}/{_CONTROLLER} gives them no securityContext: no pod would be let in", remedy)
    return not_checked(about, f"{_CONTROLLER} was found neither in argo nor in {KFP_NAMESPACE} (HTTP {status})")


def _config_map(api: Any, namespace: str, name: str) -> "Tuple[int, Optional[Dict[str, str]]]":
    answer = request(api, "GET", f"/api/v1/namespaces/{namespace}/configmaps/{name}")
    found = json_of(answer) if answer.status == 200 else None
    return answer.status, None if found is None else (found.get("data") or {})


def _parsed(data: Mapping[str, str], key: str) -> Dict[str, Any]:
    """A value that is YAML; Argo's may lie below one key, `config`."""
    try:
        found = yaml.safe_load(data[key]) if key in data else yaml.safe_load(data.get("config", "")).get(key)
    except (yaml.YAMLError, AttributeError):
        found = None
    return found if isinstance(found, dict) else {}
