"""What Kubernetes says of a run's pods, where its API may be read; KFP's own API gives no reasons."""

from typing import Any, Iterator, List, Mapping, Optional
from urllib.parse import quote

import urllib3
from podtune.jobs.cluster import ask_once, open_api

KFP_NAMESPACE = "kubeflow"
"""Where a KFP with one user runs all pods."""

_TIMEOUT = urllib3.Timeout(connect=2.0, read=5.0)


def show_command(namespace: str, run: str) -> str:
    """The command that shows a run's pods."""
    return f"kubectl -n {namespace or KFP_NAMESPACE} get pods -l pipeline/runid={run}"


def waiting_reasons(namespace: str, run: str) -> List[str]:
    """Why pods of a run do not start, such as Unschedulable: 0/1 nodes are available; empty where that is unknown."""
    reasons = [reason for pod in _pods(namespace, run) or [] for reason in _reasons(pod)]
    return list(dict.fromkeys(reasons))


def has_no_pods(namespace: str, run: str) -> bool:
    """Whether Kubernetes answers that a run has no pod at all."""
    return _pods(namespace, run) == []


def _pods(namespace: str, run: str) -> Optional[List[Mapping[str, Any]]]:
    """The run's pods; None where they cannot be read."""
    path = f"/api/v1/namespaces/{namespace or KFP_NAMESPACE}/pods?labelSelector={quote(f'pipeline/runid={run}')}"
    try:
        api = open_api()
        answer = ask_once(api, "GET", path, None, _TIMEOUT) if api else None
        return list(answer.json()["items"]) if answer is not None and answer.status == 200 else None
    except (urllib3.exceptions.HTTPError, OSError, ValueError, KeyError):
        return None


def _reasons(pod: Mapping[str, Any]) -> Iterator[str]:
    status = pod.get("status", {})
    for condition in status.get("conditions") or []:
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
            yield _joined(condition)
    for container in (*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])):
        waiting = container.get("state", {}).get("waiting", {})
        if waiting.get("reason") not in (None, "PodInitializing", "ContainerCreating"):
            yield _joined(waiting)


def _joined(state: Mapping[str, Any]) -> str:
    message = " ".join(str(state.get("message", "")).split())
    return f"{state.get('reason')}: {message}" if message else str(state.get("reason"))
