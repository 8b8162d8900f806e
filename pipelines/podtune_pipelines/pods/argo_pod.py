"""A placement's pod on Argo: laid over the template of its step, for nothing in it is beyond Argo."""

import json
from typing import Any, Dict

from podtune.errors import BadInput
from podtune.merging import merged, without_unmounted

from podtune_pipelines.pods.kubernetes_pod import pod_patch
from podtune_pipelines.pods.pod import Accelerator, Pod

_PATCHED = ("terminationGracePeriodSeconds", "imagePullSecrets", "securityContext")
"""What a template has no field for, or one that replaces the workflow's; Argo lays podSpecPatch over both."""


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
    own = template["container"]["resources"].get("limits", {})
    if own and pod.accelerator:
        resources = made["container"]["resources"]
        resources["limits"] = _renamed(resources["limits"], own, pod.accelerator)
    return made


def _renamed(limits: Dict[str, str], own: Dict[str, str], accelerator: Accelerator) -> Dict[str, str]:
    """The limits with the accelerator, podtune's own one, as the cluster calls it."""
    (count,) = own.values()
    others = {name: limit for name, limit in limits.items() if name not in own}
    return {**others, accelerator.resource: str(accelerator.count or count)}
