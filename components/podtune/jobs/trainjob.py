"""A TrainJob of Kubeflow Trainer (trainer.kubeflow.org/v1alpha1, from 2.2 on): its manifest, and what its status says.

What its pods are like is the TrainingRuntime's (manifests/components/trainjobs), so that a TrainJob uses only fields
that no version has changed, and no patches: Kueue could not resume some of those.
"""

from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional

from podtune.disk import REQUEST
from podtune.environment import IMAGE, QUEUE
from podtune.errors import BadInput, Interrupted, PodtuneError, TryAgainLater
from podtune.jobs.work import TIME_LIMIT_SECONDS, Work
from podtune.jobs.worker_pod import WorkerPod, failure_of_pod, read_pod, seconds_of

API_VERSION = "trainer.kubeflow.org/v1alpha1"
RUNTIME = "podtune-torch"
"""The TrainingRuntime."""

CONTAINER = "node"
"""Trainer gives torchrun's variables to a container of this name."""

QUEUE_LABEL = "kueue.x-k8s.io/queue-name"

GPU = "nvidia.com/gpu"
CPUS_A_GPU, GIBIBYTES_A_GPU = 4, 16

_JOB, _ATTEMPT = "jobset.sigs.k8s.io/jobset-name", "jobset.sigs.k8s.io/restart-attempt"
_INDEX = "batch.kubernetes.io/job-completion-index"
_NAMESPACE_FILE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")


class TrainJob:
    """`jobs.kind.Kind` for Kubeflow Trainer's TrainJobs."""

    word, plural, operator = "TrainJob", "trainjobs", "Kubeflow Trainer 2.2 or newer"
    api, container = API_VERSION, CONTAINER
    warns = True

    def namespace(self) -> str:
        """The one that the step's pod is in."""
        return _NAMESPACE_FILE.read_text(encoding="utf-8").strip() if _NAMESPACE_FILE.exists() else "podtune"

    def manifest(self, name: str, work: Work, size: Mapping[str, int], image: str, disk: str) -> Dict[str, Any]:
        queue = {QUEUE_LABEL: QUEUE.value()} if QUEUE.value() else {}
        return {
            "apiVersion": API_VERSION,
            "kind": self.word,
            "metadata": {"name": name, "labels": {**work.labels, **queue}},
            "spec": {
                # Trainer takes a runtime of the whole cluster for meant where no kind is named
                "runtimeRef": {"apiGroup": API_VERSION.partition("/")[0], "kind": "TrainingRuntime", "name": RUNTIME},
                "activeDeadlineSeconds": TIME_LIMIT_SECONDS,
                "trainer": {
                    "numNodes": size["nodes"],
                    "image": image,
                    "env": [{"name": IMAGE.name, "value": image}],
                    **work.container,
                    "resourcesPerNode": _resources(size["gpus"], disk),
                },
            },
        }

    def selector(self, name: str) -> str:
        return f"{_JOB}={name}"

    def workers(self, pods: List[Dict[str, Any]]) -> List[WorkerPod]:
        newest = max((_number(pod, _ATTEMPT) for pod in pods), default=0)
        attempt = [pod for pod in pods if _number(pod, _ATTEMPT) == newest]
        return [read_pod(pod, CONTAINER) for pod in sorted(attempt, key=lambda pod: _number(pod, _INDEX))]

    def is_queued(self, job: Mapping[str, Any]) -> bool:
        return "Suspended" in _conditions(job)

    def state_of(self, job: Mapping[str, Any], pods: List[WorkerPod], warning: str) -> str:
        if self.is_queued(job):
            return "suspended, as one that waits in its queue is"
        if not pods:
            return f"no pods yet; its newest warning is {warning or 'none'}"
        return "; ".join(pod.state for pod in pods)

    def has_ended(self, job: Mapping[str, Any], pods: List[WorkerPod]) -> bool:
        """By its conditions alone: pods that ended may be started again."""
        del pods
        return bool({"Complete", "Failed"} & _conditions(job).keys())

    def end_of(self, job: Mapping[str, Any], pods: List[WorkerPod]) -> Optional[float]:
        del pods
        found = _conditions(job)
        return seconds_of((found.get("Complete") or found.get("Failed") or {}).get("lastTransitionTime", ""))

    def failure_in(self, job: Mapping[str, Any], pods: List[WorkerPod]) -> Optional[PodtuneError]:
        failed = _conditions(job).get("Failed")
        if not failed:
            return None
        what, reason, message = f"TrainJob {job['metadata']['name']}", failed.get("reason"), failed.get("message", "")
        if reason == "DeadlineExceeded":
            limit = f"{TIME_LIMIT_SECONDS // 3600} hours"
            return TryAgainLater(f"{what} was ended after {limit}; start the step again, it continues")
        if reason == "ReachedMaxRestarts":
            return TryAgainLater(f"{what} lost its nodes too often ({message}); start the step again, it continues")
        if reason == "TrainingRuntimeNotSupported":
            return BadInput(f"{what}: {message}; apply podtune's manifests for TrainJobs, which have {RUNTIME}")
        return _cause_in(pods) or PodtuneError(f"{what} failed ({message or reason}) and its pods are gone")


def _cause_in(pods: List[WorkerPod]) -> Optional[PodtuneError]:
    """What ended first, of nodes that did not only follow others: the others say that they lost one, or stopped."""
    ends = [failure_of_pod(pod) for pod in sorted(pods, key=lambda pod: pod.changed) if pod.ended]
    failures = [failure for failure in ends if failure]
    return min(failures, key=lambda failure: isinstance(failure, (TryAgainLater, Interrupted)), default=None)


def _conditions(job: Mapping[str, Any]) -> Dict[str, Dict[str, Any]]:
    """Those that hold, by type. There is none for a job that runs."""
    conditions = job.get("status", {}).get("conditions") or []
    return {one["type"]: one for one in conditions if one["status"] == "True"}


def _number(pod: Mapping[str, Any], label: str) -> int:
    return int(pod["metadata"].get("labels", {}).get(label, "0"))


def _resources(gpus: int, disk: str) -> Dict[str, Any]:
    """Of each node; Trainer has torchrun start a process for each GPU where a resource's name says that it is one."""
    requests = {"cpu": str(CPUS_A_GPU * gpus), "memory": f"{GIBIBYTES_A_GPU * gpus}Gi", GPU: str(gpus)}
    requests.update({REQUEST: disk} if disk else {})
    return {"requests": requests, "limits": {GPU: str(gpus)}}
