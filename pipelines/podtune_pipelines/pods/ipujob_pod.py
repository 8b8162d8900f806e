"""A placement's pod on an IPUJob's worker: what it cannot have."""

from typing import Iterator

from podtune.steps.table import STEPS

from podtune_pipelines.pods.kubernetes_pod import worker_resources_above_limits
from podtune_pipelines.pods.placement_file import Pods

CANNOT = {
    "accelerator": "an IPUJob has as many IPUs as training.ipu of the recipe says; leave it out",
    "retries": "what is tried again is the step that waits for the IPUJob; say it of steps.{waiting}",
}
"""Field to why, and what to do instead; `all` may say them of the other pods."""


def refusals(pods: Pods) -> Iterator[str]:
    """What a placement says of the workers themselves that an IPUJob cannot have, by the file's own names."""
    for waiting, properties in STEPS.items():
        if not properties.by_ipujob:
            continue
        step = properties.by_job
        for key, reason in CANNOT.items():
            if key in pods.steps.get(step, {}):
                yield f"steps.{step}.{key}: {reason.format(waiting=waiting)}"
        for text in worker_resources_above_limits(step, pods.of_worker(step)):
            yield f"{pods.where(step, 'resources')}: {text}; say resources.requests of steps.{step} too"
