"""What differs between the kinds of objects that do a step's work on a cluster: IPUJobs and TrainJobs."""

from typing import Any, Dict, List, Mapping, Optional, Protocol

from podtune.errors import PodtuneError
from podtune.jobs.work import Work
from podtune.jobs.worker_pod import WorkerPod


class Kind(Protocol):
    """One kind of object, as the life of a job needs it. `job` is the API's object, `pods` are its newest pods."""

    word: str
    """Its name, such as IPUJob."""

    api: str
    """Group and version."""

    plural: str
    container: str
    """Of a worker's pod."""

    operator: str
    """What a cluster without this kind lacks."""

    warns: bool
    """Whether it tells by events alone why it has no pods."""

    def namespace(self) -> str:
        """Where its objects are."""

    def manifest(self, name: str, work: Work, size: Mapping[str, int], image: str, disk: str) -> Dict[str, Any]:
        """Describe the job of this name; `size` counts its nodes or accelerators, `disk` is what each pod requests."""

    def selector(self, name: str) -> str:
        """The labels of a job's pods."""

    def workers(self, pods: List[Dict[str, Any]]) -> List[WorkerPod]:
        """Read the API's pods of a job; only the newest attempt's, the one whose log is printed first."""

    def is_queued(self, job: Mapping[str, Any]) -> bool:
        """Whether it waits, however long, for its turn."""

    def state_of(self, job: Mapping[str, Any], pods: List[WorkerPod], warning: str) -> str:
        """Describe a job's progress in one line; `warning` is the newest event's, where there is one."""

    def has_ended(self, job: Mapping[str, Any], pods: List[WorkerPod]) -> bool:
        """Whether nothing of the job will run any more."""

    def end_of(self, job: Mapping[str, Any], pods: List[WorkerPod]) -> Optional[float]:
        """When a job ended, in seconds since 1970; None where it goes on or nothing says when."""

    def failure_in(self, job: Mapping[str, Any], pods: List[WorkerPod]) -> Optional[PodtuneError]:
        """The error that a job ended with; None where it succeeded."""


def is_leaving(job: Mapping[str, Any]) -> bool:
    """Whether the job was deleted and is about to go."""
    return "deletionTimestamp" in job["metadata"]
