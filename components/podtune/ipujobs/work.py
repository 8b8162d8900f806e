"""What the step that waits for an IPUJob, and the job's worker, know of each other."""

import os
from dataclasses import dataclass
from typing import Any, Dict, Literal

NAMESPACE_VARIABLE = "PODTUNE_IPU_NAMESPACE"
"""Names to the waiting step the namespace of the jobs, where it is not podtune-ipu."""

NAMESPACE = "podtune-ipu"

RUN_VARIABLE = "PODTUNE_RUN"
"""Names to it the pipeline's run: its restarted steps find their jobs, and no two runs share one."""

OUTPUT = "output/"
"""Below a job's place: the sealed directory that the worker made."""


def jobs_namespace() -> str:
    """Where IPUJobs are, which the environment may say."""
    return os.environ.get(NAMESPACE_VARIABLE) or NAMESPACE


@dataclass(frozen=True)
class Work:
    """One step, run where the IPUs are; what it reads and what it makes lie in an object store."""

    step: Literal["finetune", "evaluate"]
    inputs: Dict[str, str]
    """The step's argument to the artifact's s3:// URI."""

    output: str
    """The step's argument that names what it makes."""

    settings: Dict[str, Any]
    """The step's section of the recipe."""

    options: Dict[str, str]
    """The step's other arguments."""

    place: str
    """s3:// URI below which the output is left and the lease is renewed."""

    lease_seconds: float = 900.0
    """The worker ends when the lease was not renewed for so long: nobody waits for it any more."""
