"""How a run ended in the words of KFP's exit handler and of Argo's onExit."""

import json
import re
from typing import Any, Dict, List, Optional

from podtune.errors import PodtuneError, failure_of
from podtune.stores.outcomes import run_name

_WELL = ("succeeded", "complete", "cached")
"""Argo's word, which is KFP's local runner's too, and those of KFP's servers."""

_EXIT_CODE = re.compile(r"exit code (-?\d+)\)?(?:: (.+))?", re.DOTALL)
"""In Argo's message on a pod, with what the step said."""


def failure_in(status: str) -> Optional[PodtuneError]:
    """The failure that a status tells of: a word, then Argo's {{workflow.failures}}; None for a run that ended well.

    KFP 2.17 says FAILED without a reason, and RUNNING of a run whose pod was killed.
    """
    word, _, details = status.partition(" ")
    if word.lower() in _WELL:
        return None
    pods = sorted(_failures(details), key=lambda pod: str(pod.get("finishedAt")))
    ended = [(pod, _EXIT_CODE.search(str(pod.get("message")))) for pod in pods]
    for pod, match in reversed(ended):  # earlier ones were tried again
        if match:
            said = match[2] or str(pod["message"])
            return failure_of(int(match[1]), f"{_step(pod)}: {said}")
    for pod in pods:
        if pod.get("message"):
            return PodtuneError(f"{_step(pod)}: {pod['message']}")
    wait = f"; podtune wait {run_name()} says which, and why" if run_name() else ""
    return PodtuneError(f"a step failed, or its pod was lost{wait}")


def _step(pod: Dict[str, Any]) -> str:
    return str(pod.get("templateName")).replace("-", "_")


def _failures(details: str) -> List[Dict[str, Any]]:
    """Argo's list of what failed; it comes with a second pair of quotes around, and as null where nothing did."""
    try:
        found = json.loads(details)
        found = json.loads(found) if isinstance(found, str) else found
    except ValueError:
        return []
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []
