"""What the cluster says of a job and of its worker's pod, and how the job ended by that."""

from dataclasses import dataclass
from typing import Any, Dict, Mapping, Optional

from podtune.errors import PodtuneError, TryAgainLater, failure_of
from podtune.ipujobs.manifest import CONTAINER

_ENDED = ("Completed", "Succeeded", "Failed")
"""The operator's launcherStatus of a job that ended; only the first is known to occur."""

_OUT_OF_MEMORY = "OOMKilled"


@dataclass(frozen=True)
class WorkerPod:
    """A worker's pod and container, as far as its step needs to know them."""

    name: str
    uid: str
    phase: str
    reason: str
    """Why the cluster ended the pod, such as Evicted; empty where it did not."""

    message: str
    waiting: str
    """Why the container does not run yet, such as ImagePullBackOff."""

    started: bool
    exit_code: Optional[int]
    exit_reason: str
    exit_message: str
    """What the worker left as its last word."""

    @property
    def ended(self) -> bool:
        """By its phase, or by its container's end: one that somebody has put beside it may run on."""
        return self.phase in ("Succeeded", "Failed") or self.exit_code is not None

    @property
    def state(self) -> str:
        """One line for the person who waits."""
        said = ": ".join(part for part in (self.phase, self.waiting or self.reason, self.message) if part)
        return f"worker {self.name} is {said}"


def read_pod(pod: Mapping[str, Any]) -> WorkerPod:
    """Take from a pod what is needed; of a pod that is new, most is missing."""
    metadata, status = pod["metadata"], pod.get("status", {})
    statuses = status.get("containerStatuses") or []
    state: Dict[str, Any] = next((each["state"] for each in statuses if each["name"] == CONTAINER), {})
    waiting, terminated = state.get("waiting", {}), state.get("terminated", {})
    return WorkerPod(
        name=metadata["name"],
        uid=metadata["uid"],
        phase=status.get("phase", "Pending"),
        reason=status.get("reason", ""),
        message=status.get("message", "") or waiting.get("message", ""),
        waiting=waiting.get("reason", ""),
        started="running" in state or "terminated" in state,
        exit_code=terminated.get("exitCode"),
        exit_reason=terminated.get("reason", ""),
        exit_message=" ".join(terminated.get("message", "").split()),
    )


def state_of(job: Mapping[str, Any], pod: Optional[WorkerPod]) -> str:
    """One line on how far a job is."""
    if pod:
        return pod.state
    status = job.get("status", {})
    said = ": ".join(part for part in (status.get("launcherStatus", ""), status.get("lastMessage", "")) if part)
    return f"no worker yet; the operator says {said}" if said else "no worker yet; the operator has not said anything"


def is_leaving(job: Mapping[str, Any]) -> bool:
    """Whether somebody has deleted the job, and it is about to go."""
    return "deletionTimestamp" in job["metadata"]


def has_ended(job: Mapping[str, Any], pod: Optional[WorkerPod]) -> bool:
    """Whether nothing of the job runs any more: by its pod, or where that is gone by what the operator says."""
    if pod:
        return pod.ended
    status = job.get("status", {})
    return "completionTime" in status or status.get("launcherStatus") in _ENDED


def failure_in(job: Mapping[str, Any], pod: Optional[WorkerPod]) -> Optional[PodtuneError]:
    """The error by which a job ended; None where it succeeded."""
    name = job["metadata"]["name"]
    if pod is None:
        failed = job.get("status", {}).get("workersStatus", {}).get("failed", 0)
        gone = f"IPUJob {name} failed and its worker is gone, with its log; start the step again, it continues"
        return TryAgainLater(gone) if failed else None
    if pod.phase == "Succeeded" or pod.exit_code == 0:
        return None
    if pod.reason or pod.exit_code is None:
        said = ": ".join(part for part in (pod.reason, pod.message) if part) or "it did not say why"
        return TryAgainLater(f"the cluster ended {pod.name} ({said}); start the step again, it continues")
    if pod.exit_reason == _OUT_OF_MEMORY:
        return PodtuneError(f"{pod.name} took more memory than its limit; raise the limit or use fewer IPUs")
    unsaid = f"{pod.name} ended with exit code {pod.exit_code}; its log says why"
    return failure_of(pod.exit_code, pod.exit_message or unsaid)
