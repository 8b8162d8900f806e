"""An IPUJob (graphcore.ai/v1alpha1) whose one worker does a step's work: its manifest, and what its status says.

The worker is root without root's capabilities, but for IPC_LOCK, by which RDMA pins memory: Kubernetes gives an added
capability to no other user.
"""

from types import MappingProxyType
from typing import Any, Dict, List, Mapping, Optional

from podtune.disk import REQUEST
from podtune.environment import ADDRESSING, ENCRYPTION, IMAGE, IPU_POD, KMS_KEY, NO_SIGN_REQUEST, REQUEST_PAYER
from podtune.errors import BadInput, PodtuneError, TryAgainLater, bad_input
from podtune.jobs.work import TIME_LIMIT_SECONDS, Work, jobs_namespace
from podtune.jobs.worker_pod import WorkerPod, failure_of_pod, joined, read_pod, seconds_of
from podtune.merging import merged, without_unmounted
from podtune.parsing import parse_json

API_VERSION = "graphcore.ai/v1alpha1"
CONTAINER = "worker"
JOB_LABEL = "podtune/ipujob"
"""On the worker's pod: the job's name. What labels the operator gives is not documented."""

WORKER = "podtune-ipu-worker"
"""The service account of workers (manifests/base/ipu)."""

STORE_SECRET = "podtune-s3"  # noqa: S105  # the secret's name
"""A Kubernetes secret with the store's credentials, and a config map with where it is and what it asks for."""

SECRET_VARIABLES = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
CONFIG_VARIABLES = (
    "AWS_ENDPOINT_URL_S3",
    "AWS_REGION",
    "AWS_REQUEST_CHECKSUM_CALCULATION",
    "AWS_RESPONSE_CHECKSUM_VALIDATION",
    *(variable.name for variable in (ADDRESSING, ENCRYPTION, KMS_KEY, REQUEST_PAYER, NO_SIGN_REQUEST)),
)

EXECUTABLES_CLAIM = "podtune-ipu-executables"
"""A volume for compiled programs: compiling takes minutes."""

RESOURCES = {
    "requests": {"cpu": "8", "memory": "64Gi"},
    "limits": {"cpu": "32", "memory": "200Gi"},  # a compilation was seen to fail with 32Gi
}

_TEMPORARY, _EXECUTABLES, _SHARED_MEMORY = "/tmp", "/executables", "/dev/shm"  # noqa: S108  # in the pod
_GRACE_SECONDS = 300

_ENDED = ("Completed", "Succeeded", "Failed")
"""The operator's launcherStatus of a job that ended; only the first is known to occur."""


class IpuJob:
    """`jobs.kind.Kind` for Graphcore's IPUJobs."""

    word, plural, operator = "IPUJob", "ipujobs", "the IPU operator"
    api, container = API_VERSION, CONTAINER
    warns = False

    def namespace(self) -> str:
        return jobs_namespace()

    def manifest(self, name: str, work: Work, size: Mapping[str, int], image: str, disk: str) -> Dict[str, Any]:
        return manifest_of(name, work, size["ipus"], image, placement_of_worker(), disk=disk)

    def selector(self, name: str) -> str:
        return f"{JOB_LABEL}={name}"

    def workers(self, pods: List[Dict[str, Any]]) -> List[WorkerPod]:
        newest = sorted(pods, key=lambda pod: str(pod["metadata"].get("creationTimestamp", "")))[-1:]
        return [read_pod(pod, CONTAINER) for pod in newest]

    def is_queued(self, job: Mapping[str, Any]) -> bool:
        del job
        return False

    def state_of(self, job: Mapping[str, Any], pods: List[WorkerPod], warning: str) -> str:
        del warning
        if pods:
            return pods[0].state
        status = job.get("status", {})
        reported = joined(status.get("launcherStatus", ""), status.get("lastMessage", ""))
        return f"no worker yet; the operator reports {reported or 'nothing'}"

    def has_ended(self, job: Mapping[str, Any], pods: List[WorkerPod]) -> bool:
        """By its pod, or where that is gone by the operator's status."""
        if pods:
            return pods[0].ended
        status = job.get("status", {})
        return "completionTime" in status or status.get("launcherStatus") in _ENDED

    def end_of(self, job: Mapping[str, Any], pods: List[WorkerPod]) -> Optional[float]:
        if not self.has_ended(job, pods):
            return None
        return seconds_of((pods[0].changed if pods else "") or job.get("status", {}).get("completionTime", ""))

    def failure_in(self, job: Mapping[str, Any], pods: List[WorkerPod]) -> Optional[PodtuneError]:
        if pods:
            return failure_of_pod(pods[0])
        failed = job.get("status", {}).get("workersStatus", {}).get("failed", 0)
        gone = f"IPUJob {job['metadata']['name']} failed and its worker is gone, with its log"
        return TryAgainLater(f"{gone}; start the step again, it continues") if failed else None


def manifest_of(
    name: str,
    work: Work,
    ipus: int,
    image: str,
    placement: Mapping[str, Any] = MappingProxyType({}),
    *,
    disk: str = "",
) -> Dict[str, Any]:
    """Describe to the operator what to run; what a placement says of the worker's pod goes before what is said here.

    `disk` is the ephemeral storage that the pod requests; empty where that is not known.
    """
    return {
        "apiVersion": API_VERSION,
        "kind": "IPUJob",
        "metadata": {"name": name, "labels": work.labels},
        "spec": {
            "jobInstances": 1,
            "ipusPerJobInstance": str(ipus),
            "restartPolicy": {"type": "Never"},
            "cleanPodPolicy": "None",  # the step reads the log and the outcome; the pod goes with the job
            "workers": {
                "replicas": 1,
                "template": _placed({"labels": {**work.labels, JOB_LABEL: name}}, _pod(work, image, disk), placement),
            },
        },
    }


def placement_of_worker() -> Dict[str, Any]:
    """What the placement that a run was compiled with says of an IPUJob's pod: metadata, spec and container."""
    with bad_input(f"cannot read {IPU_POD.name}, which --placement sets", ValueError):
        placement = parse_json(IPU_POD.value() or "{}")
    if not isinstance(placement, dict):
        raise BadInput(f"{IPU_POD.name}, which --placement sets, must hold an object; got {placement!r}")
    return placement


def _placed(metadata: Dict[str, Any], spec: Dict[str, Any], placement: Mapping[str, Any]) -> Dict[str, Any]:
    """A pod's template with what a placement says of it."""
    container = merged(spec["containers"][0], placement.get("container", {}))
    spec = {**merged(spec, placement.get("spec", {})), "containers": [container]}
    spec["volumes"] = without_unmounted(spec["volumes"], container)
    return {"metadata": merged(metadata, placement.get("metadata", {})), "spec": spec}


def _pod(work: Work, image: str, disk: str) -> Dict[str, Any]:
    return {
        "hostIPC": True,
        "restartPolicy": "Never",
        "serviceAccountName": WORKER,
        "automountServiceAccountToken": True,  # by which a worker that nobody waits for deletes its own job
        "enableServiceLinks": False,
        "activeDeadlineSeconds": TIME_LIMIT_SECONDS,
        "terminationGracePeriodSeconds": _GRACE_SECONDS,
        "securityContext": {"seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [_container(work, image, disk)],
        "volumes": [
            {"name": "shared-memory", "emptyDir": {"medium": "Memory", "sizeLimit": "10Gi"}},
            {"name": "temporary", "emptyDir": {}},
            {"name": "executables", "persistentVolumeClaim": {"claimName": EXECUTABLES_CLAIM}},
        ],
    }


def _container(work: Work, image: str, disk: str) -> Dict[str, Any]:
    return {
        "name": CONTAINER,
        "image": image,
        **work.container,
        "env": _environment(image),
        "resources": {**RESOURCES, "requests": {**RESOURCES["requests"], **({REQUEST: disk} if disk else {})}},
        "securityContext": {
            "runAsUser": 0,
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"], "add": ["IPC_LOCK"]},
        },
        "volumeMounts": [
            {"name": "shared-memory", "mountPath": _SHARED_MEMORY},
            {"name": "temporary", "mountPath": _TEMPORARY},
            {"name": "executables", "mountPath": _EXECUTABLES},
        ],
    }


def _environment(image: str) -> List[Dict[str, Any]]:
    values = {"POPTORCH_CACHE_DIR": _EXECUTABLES, "HOME": _TEMPORARY, IMAGE.name: image}
    sources = {**dict.fromkeys(SECRET_VARIABLES, "secretKeyRef"), **dict.fromkeys(CONFIG_VARIABLES, "configMapKeyRef")}
    environment: List[Dict[str, Any]] = [{"name": name, "value": value} for name, value in values.items()]
    for name, source in sources.items():
        reference = {source: {"name": STORE_SECRET, "key": name, "optional": True}}
        environment.append({"name": name, "valueFrom": reference})
    return environment
