"""What Kubernetes says of pods that do not start, through its API as the tests' stand-in speaks it."""

from typing import Any, Dict, List

import pytest
from podtune_pipelines.cluster import pods

RUN = "4a8548a4-df02-4f36-93af-5c3f35ca3ea3"


class Answer:
    def __init__(self, status: int, items: List[Dict[str, Any]]) -> None:
        self.status, self._items = status, items

    def json(self) -> Dict[str, Any]:
        return {"items": self._items}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> List[str]:
    """The paths that were read; `answer` is what they get."""
    paths: List[str] = []

    def ask(api: Any, method: str, path: str, body: Any, timeout: Any) -> Any:
        paths.append(f"{method} {path}")
        return api

    monkeypatch.setattr(pods, "ask_once", ask)
    return paths


def answering(monkeypatch: pytest.MonkeyPatch, answer: Any) -> None:
    monkeypatch.setattr(pods, "open_api", lambda: answer)


UNSCHEDULABLE = {
    "type": "PodScheduled",
    "status": "False",
    "reason": "Unschedulable",
    "message": "0/1 nodes are available:\n1 Insufficient nvidia.com/gpu.",
}
PULLING = {"reason": "ImagePullBackOff", "message": 'Back-off pulling image "podtune/python-cpu:0.1.0"'}


def test_the_reasons_are_the_nodes_and_the_images(monkeypatch: pytest.MonkeyPatch, asked: List[str]) -> None:
    starting = {"state": {"waiting": {"reason": "PodInitializing"}}}
    items = [
        {"status": {"conditions": [UNSCHEDULABLE]}},
        {"status": {"containerStatuses": [starting, {"state": {"waiting": PULLING}}]}},
        {"status": {"conditions": [UNSCHEDULABLE], "initContainerStatuses": [{"state": {"running": {}}}]}},
        {},
    ]
    answering(monkeypatch, Answer(200, items))

    assert pods.waiting_reasons("", RUN) == [
        "Unschedulable: 0/1 nodes are available: 1 Insufficient nvidia.com/gpu.",
        'ImagePullBackOff: Back-off pulling image "podtune/python-cpu:0.1.0"',
    ]
    assert asked == [f"GET /api/v1/namespaces/kubeflow/pods?labelSelector=pipeline/runid%3D{RUN}"]


@pytest.mark.parametrize("answer", [None, Answer(403, [])])
def test_who_may_not_ask_learns_nothing(monkeypatch: pytest.MonkeyPatch, asked: List[str], answer: Any) -> None:
    answering(monkeypatch, answer)

    assert pods.waiting_reasons("team", RUN) == []
    assert not pods.has_no_pods("team", RUN)


def test_a_run_without_pods_is_a_sure_answer(monkeypatch: pytest.MonkeyPatch, asked: List[str]) -> None:
    answering(monkeypatch, Answer(200, []))

    assert pods.has_no_pods("team", RUN)
    assert asked == [f"GET /api/v1/namespaces/team/pods?labelSelector=pipeline/runid%3D{RUN}"]
