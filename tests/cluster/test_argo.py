"""The WorkflowTemplate and the CronWorkflow on Argo Workflows alone."""

import json
import time
import uuid
from pathlib import Path
from typing import Any, Callable, Dict

import pytest
import yaml
from real_cluster import LONG, RECIPE, Cluster, fresh, until

pytestmark = pytest.mark.cluster

ENDED = ("Succeeded", "Failed", "Error")


def _applied(argo: Cluster, file: Path, *arguments: str) -> Dict[str, str]:
    """Apply the manifests under names of this test's own; return each kind's name."""
    names = ("--set", f"name=e2e-{uuid.uuid4().hex[:8]}", "--set", fresh())
    argo.podtune("argo", RECIPE, "--to", str(file), *names, *arguments)
    argo.kubectl("apply", "--filename", str(file))
    documents = yaml.safe_load_all(file.read_text(encoding="utf-8"))
    return {document["kind"]: document["metadata"]["name"] for document in documents}


def _template(argo: Cluster, file: Path, *arguments: str) -> str:
    return _applied(argo, file, *arguments)["WorkflowTemplate"]


def _started(argo: Cluster, template: str) -> str:
    workflow = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {"generateName": f"{template}-"},
        "spec": {"workflowTemplateRef": {"name": template}},
    }
    created = argo.kubectl("create", "--filename", "-", "--output", "name", stdin=json.dumps(workflow))
    return created.strip().partition("/")[2]


def _status(argo: Cluster, run: str) -> Dict[str, Any]:
    return dict(json.loads(argo.kubectl("get", "workflow", run, "--output", "json")).get("status", {}))


def _ended(argo: Cluster, run: str) -> Dict[str, Any]:
    return dict(until(lambda: _of_an_ended(_status(argo, run)), 600, f"the end of {run}"))


def _suspend(argo: Cluster, cron: str, suspended: str) -> None:
    patch = f'{{"spec":{{"suspend":{suspended}}}}}'
    argo.kubectl("patch", "cronworkflow", cron, "--type", "merge", "--patch", patch)


def _of_an_ended(status: Dict[str, Any]) -> Dict[str, Any]:
    return status if status.get("phase") in ENDED else {}


def _messages(status: Dict[str, Any]) -> str:
    return "\n".join(node.get("message", "") for node in status["nodes"].values())


def _selector(run: str) -> str:
    return f"workflows.argoproj.io/workflow={run}"


def test_a_model_is_released_and_an_unchanged_night_is_skipped(argo: Cluster, tmp_path: Path) -> None:
    """The template releases; its CronWorkflow then finds nothing changed."""
    names = _applied(argo, tmp_path / "workflow.yaml", "--cron", "* * * * *")
    cron = names["CronWorkflow"]
    try:
        _suspend(argo, cron, "true")
        assert _ended(argo, _started(argo, names["WorkflowTemplate"]))["phase"] == "Succeeded"
        assert "podtune run recipe.yaml" in argo.card(tmp_path / "release")
        _suspend(argo, cron, "false")
        labels = f"workflows.argoproj.io/cron-workflow={cron}"
        night = until(lambda: argo.kubectl("get", "workflow", "-l", labels, "-o", "name"), 150, "a scheduled run")
    finally:
        _suspend(argo, cron, "true")
    status = _ended(argo, night.split()[0].partition("/")[2])
    assert status["phase"] == "Succeeded"
    assert [node["phase"] for node in status["nodes"].values() if node["displayName"] == "finetune"] == ["Skipped"]
    argo.kubectl("delete", "cronworkflow", cron)


def test_a_refusal_and_bad_input_end_with_their_codes(argo: Cluster, tmp_path: Path) -> None:
    """Argo shows the step's sentence at the step that failed; neither is tried again."""
    refused = _started(argo, _template(argo, tmp_path / "gate.yaml", "--set", "gate.floors.exact_match=100.1"))
    missing = f"source.data={argo.store}/nothing"
    splits = ("--set", "source.splits.train=train.json", "--set", "source.splits.validation=dev.json")
    bad = _started(argo, _template(argo, tmp_path / "bad.yaml", "--set", missing, *splits))
    for run, code, message in (
        (bad, 2, f"there is no train.json in {argo.store}/nothing"),
        (refused, 3, f"{RECIPE} is not released: exact_match is"),
    ):
        status = _ended(argo, run)
        assert status["phase"] == "Failed"
        assert f"(exit code {code})" in _messages(status)
        assert message in _messages(status)


@pytest.mark.parametrize("how", ["deleted", "evicted"])
def test_a_lost_pod_continues_its_training(argo: Cluster, tmp_path: Path, how: str) -> None:
    """It is tried again by Argo itself, and goes on where it was."""
    run = _started(argo, _template(argo, tmp_path / "workflow.yaml", *LONG))
    pod = argo.training_pod(_selector(run))
    argo.kubectl("delete", pod, "--wait=false") if how == "deleted" else argo.evict(pod)
    assert _ended(argo, run)["phase"] == "Succeeded"
    assert "| Times resumed | 1 |" in argo.card(tmp_path / "release")


def test_a_store_that_is_away_when_training_begins_is_waited_for(
    argo: Cluster, tmp_path: Path, store_away: Callable[[], None]
) -> None:
    """A minute without the store costs a minute, not the run."""
    run = _started(argo, _template(argo, tmp_path / "workflow.yaml", *LONG))
    labels = f"{_selector(run)},app.kubernetes.io/component=finetune"
    until(lambda: argo.kubectl("get", "pods", "--selector", labels, "--output", "name"), 400, "a pod of finetune")
    store_away()
    time.sleep(60)
    store_away()
    assert _ended(argo, run)["phase"] == "Succeeded"


def test_a_stopped_run_is_not_tried_again(argo: Cluster, tmp_path: Path) -> None:
    """`argo stop` in the middle of training: the pod saves its state and ends with 143."""
    run = _started(argo, _template(argo, tmp_path / "workflow.yaml", *LONG))
    argo.training_pod(_selector(run))
    argo.kubectl("patch", "workflow", run, "--type", "merge", "--patch", '{"spec":{"shutdown":"Stop"}}')
    status = _ended(argo, run)
    assert status["phase"] == "Failed"
    assert "stopped after step" in _messages(status)
    assert len([node for node in status["nodes"].values() if node["displayName"].startswith("finetune(")]) == 1
