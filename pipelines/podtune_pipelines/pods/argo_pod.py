"""A placement's pod on Argo: laid over the template of its step, for nothing in it is beyond Argo."""

import json
from typing import Any, Dict

from podtune.errors import BadInput
from podtune.merging import merged, without_unmounted

from podtune_pipelines.pods.kubernetes_pod import pod_patch
from podtune_pipelines.pods.pod import Pod

_PATCHED = ("terminationGracePeriodSeconds", "imagePullSecrets")
"""What a template has no field for; Argo lays its podSpecPatch over the workflow's."""


def placed(template: Dict[str, Any], pod: Pod, where: str) -> Dict[str, Any]:
    """A step's template with what a placement says of its pod; `where` names the two in a refusal."""
    patch = pod_patch(pod)
    if "{{" in json.dumps(patch):
        raise BadInput(f"{where} must not contain {{{{, which Argo would replace; leave it out")
    spec = patch.pop("spec", {})
    beyond = {key: spec.pop(key) for key in _PATCHED if key in spec}
    made = merged(template, {**patch, **spec})
    made["volumes"] = without_unmounted(made["volumes"], made["container"])
    if beyond:
        made["podSpecPatch"] = json.dumps(beyond)
    if pod.retries is not None:
        made["retryStrategy"] = {**made["retryStrategy"], "limit": str(pod.retries)}
    device = template["container"]["resources"].get("limits")
    if device and pod.accelerator:
        limits = made["container"]["resources"]["limits"]
        made["container"]["resources"]["limits"] = _renamed(limits, device, pod)
    return made


def _renamed(limits: Dict[str, str], device: Dict[str, str], pod: Pod) -> Dict[str, str]:
    """The limits with the accelerator as the cluster calls it."""
    assert pod.accelerator  # noqa: S101  # as the caller saw to
    ((_, count),) = device.items()
    others = {name: limit for name, limit in limits.items() if name not in device}
    return {**others, pod.accelerator.resource: str(pod.accelerator.count or count)}
