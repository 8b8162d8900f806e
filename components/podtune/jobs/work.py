"""What the step that waits for a job shares with the job's worker: the work, and a lease on the job.

The step renews the lease as long as it waits, and the worker ends once nobody does. Kubernetes would do this by an
owner reference, but not from one namespace to another.
"""

import json
from dataclasses import dataclass
from typing import Any, Dict, List, Literal

from podtune.environment import IPU_NAMESPACE
from podtune.sections import to_mapping

NAMESPACE = "podtune-ipu"

NAME_LABEL = "app.kubernetes.io/name"
"""On podtune's jobs and pods: podtune."""

COMPONENT_LABEL = "app.kubernetes.io/component"
"""On the same: the step."""

TIME_LIMIT_SECONDS = 24 * 60 * 60
"""After which a worker is ended, unless its job is suspended meanwhile; its step, started again, continues."""

OUTPUT = "output/"
"""Prefix of the sealed directory that the worker made, below a job's location."""

LEASE = "lease"
"""Of the step that waits, beside the output."""

_SCRATCH = "/tmp/podtune"  # noqa: S108  # in the pod


@dataclass(frozen=True)
class StepCall:
    """One step, run where the accelerators are; its inputs and its output are in an object store."""

    step: Literal["finetune", "evaluate"]
    inputs: Dict[str, str]
    """The step's argument to the artifact's s3:// URI."""

    output: str
    """The step's argument that names its output."""

    arguments: Dict[str, Any]
    """The step's other arguments: its section of the recipe, and texts."""


@dataclass(frozen=True)
class Work(StepCall):
    """What a worker does, and where it leaves the output."""

    location: str
    """s3:// URI below which the output is left and the lease is renewed."""

    lease_seconds: float = 240.0
    """The worker ends when the lease was not renewed for so long: nobody waits for it any more."""

    @property
    def labels(self) -> Dict[str, str]:
        """Of its job and pods."""
        return {NAME_LABEL: "podtune", COMPONENT_LABEL: self.step}

    @property
    def container(self) -> Dict[str, List[str]]:
        """What a container runs that does it, as Kubernetes writes it."""
        arguments = [json.dumps(to_mapping(self), sort_keys=True), _SCRATCH]
        return {"command": ["python3", "-m", "podtune.jobs.worker"], "args": arguments}


def jobs_namespace() -> str:
    """The namespace of IPUJobs, which the environment may name."""
    return IPU_NAMESPACE.value() or NAMESPACE
