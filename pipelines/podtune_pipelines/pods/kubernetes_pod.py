"""A placement's pod as Kubernetes writes it: what is laid over a pod that podtune has described."""

from typing import Any, Dict, List, Optional

from podtune.disk import REQUEST
from podtune.jobs.ipujob import RESOURCES
from podtune.sections import to_mapping
from podtune.steps.table import STEPS

from podtune_pipelines.pods.pod import Pod, Resources

_SPEC = (
    "nodeSelector",
    "affinity",
    "tolerations",
    "priorityClassName",
    "serviceAccountName",
    "securityContext",
    "imagePullSecrets",
    "activeDeadlineSeconds",
    "terminationGracePeriodSeconds",
)
"""Fields that a pod's spec has under the same names."""


def pod_patch(pod: Pod) -> Dict[str, Any]:
    """What a placement says, as a pod's metadata, its spec and its one container; only what it says."""
    whole = to_mapping(pod)
    container = {
        "imagePullPolicy": pod.imagePullPolicy,
        "env": [to_mapping(variable) for variable in pod.env],
        "resources": _given(_resources(pod)),
        "volumeMounts": [volume.mount() for volume in pod.volumes],
    }
    patch = {
        "metadata": _given({"labels": pod.labels, "annotations": pod.annotations}),
        "spec": _given({**{key: whole.get(key) for key in _SPEC}, "volumes": [one.source() for one in pod.volumes]}),
        "container": _given(container),
    }
    return _given(patch)


def _resources(pod: Pod) -> Dict[str, Dict[str, Optional[str]]]:
    """Requests and limits; a limit of the disk alone takes podtune's request back, and Kubernetes requests as much."""
    requests: Dict[str, Optional[str]] = {**texts(pod.resources.requests)}
    if REQUEST in pod.resources.limits:
        requests.setdefault(REQUEST, None)
    return {"requests": requests, "limits": {**texts(pod.resources.limits)}}


def texts(quantities: Dict[str, Any]) -> Dict[str, str]:
    """Quantities as texts, whether YAML read them as numbers or not."""
    return {name: str(value) for name, value in quantities.items()}


def resources_of(step: str, pod: Pod) -> Resources:
    """All that a step's pod requests, and its limits."""
    cores, memory = STEPS[step].requests
    return Resources({"cpu": cores, "memory": memory, **texts(pod.resources.requests)}, texts(pod.resources.limits))


def resources_above_limits(step: str, pod: Pod) -> List[str]:
    """What is wrong with the resources of a step's pod, where podtune's own requests meet a placement's limits."""
    return _above(step, resources_of(step, pod))


def worker_resources_above_limits(step: str, pod: Pod) -> List[str]:
    """The same of an IPUJob's worker."""
    requests, limits = ({**RESOURCES[kind], **texts(getattr(pod.resources, kind))} for kind in ("requests", "limits"))
    return _above(f"the IPUJob of {step}", Resources(requests, limits))


def _above(who: str, resources: Resources) -> List[str]:
    return [
        f"limits.{name} {resources.limits[name]} is below the {request} that {who} requests"
        for name, request in sorted(resources.above_limits())
    ]


def _given(values: Dict[str, Any]) -> Dict[str, Any]:
    return {key: value for key, value in values.items() if value not in (None, [], {}, "")}
