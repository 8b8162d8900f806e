"""Kueue in front of Kubeflow Trainer: whether the two versions go together.

Kueue starts and suspends TrainJobs by the Go types of one Trainer: 0.17 to 0.19 have those of 2.2, and none of them
those of 2.3 (Kueue's pull request 14504), so that TrainJobs of that wait for ever.
"""

import re
from typing import Any, Iterator, Optional, Sequence, Tuple

from podtune_pipelines.doctor.findings import Finding, not_checked, ok, warning
from podtune_pipelines.doctor.kubernetes_api import request
from podtune_pipelines.doctor.servers import json_of

_KUEUE = ("kueue-controller-manager", ("kueue-system",))
_TRAINER = ("kubeflow-trainer-controller-manager", ("kubeflow-system", "kubeflow"))
"""Their deployments, and the namespaces that their manifests put them into."""

Version = Tuple[int, int]


def check_kueue(api: Any) -> Iterator[Finding]:
    """Compare the versions by the images of the two; nothing where the cluster has no Kueue."""
    if request(api, "GET", "/apis/kueue.x-k8s.io").status == 404:
        return
    about, kueue, trainer = "Kueue", _version(api, *_KUEUE), _version(api, *_TRAINER)
    if kueue is None or trainer is None:
        pairs = "Kueue 0.17 to 0.19 goes with Trainer 2.2, a newer one with 2.3"
        yield not_checked(about, f"its version or Trainer's cannot be read; {pairs}", "ask its administrator")
    elif ((0, 17) <= kueue <= (0, 19)) if trainer <= (2, 2) else kueue > (0, 19):
        yield ok(about, f"{_words(kueue)} knows the TrainJobs of Trainer {_words(trainer)}")
    else:
        wanted = "0.17 to 0.19" if trainer <= (2, 2) else "newer than 0.19"
        found = f"{_words(kueue)} does not know Trainer {_words(trainer)}: its TrainJobs never start in a queue"
        yield warning(about, found, f"install Kueue {wanted}, or use no queue (PODTUNE_QUEUE)")


def _words(version: Version) -> str:
    return ".".join(map(str, version))


def _version(api: Any, name: str, namespaces: Sequence[str]) -> Optional[Version]:
    """Major and minor of a deployment's image tag; None where it cannot be read or is no version."""
    for namespace in namespaces:
        answer = request(api, "GET", f"/apis/apps/v1/namespaces/{namespace}/deployments/{name}")
        if answer.status == 200:
            pod = (json_of(answer) or {}).get("spec", {}).get("template", {}).get("spec", {})
            images = [str(one.get("image")) for one in pod.get("containers", [])]
            found = (re.search(r":v?(\d+)\.(\d+)\.\d+(@|$)", image) for image in images)
            return next(((int(one[1]), int(one[2])) for one in found if one), None)
    return None
