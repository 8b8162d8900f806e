"""A WorkflowTemplate does what it says: its steps are run here by what Argo would give to the kubelet."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Callable, Dict, List, Tuple

import pytest
from podtune.formats.release import RELEASE

Template = Dict[str, Any]
Run = Callable[[Template, str], List[Tuple[str, int]]]

pytestmark = pytest.mark.local

SMALL = (
    "source.data=sample://squad?train=64&validation=16",
    "model.source=sample://bert?layers=1&hidden=16",
    "training.epochs=1",
    "evaluation.bootstrap_samples=100",
    "gate.floors={}",
)


@pytest.fixture
def run_here(tmp_path: Path, steps_of: Callable[..., Any], filled_in: Callable[..., Any]) -> Run:
    """A function (template, name) that runs a workflow's steps in their order until one fails.

    It returns each step that was not skipped, and its exit code. Volumes and the artifact repository are directories
    below the workflow's name, and python3 is this interpreter.
    """

    def run(template: Template, name: str) -> List[Tuple[str, int]]:
        given = template["spec"]["arguments"]["parameters"]
        parameters = {f"workflow.parameters.{one['name']}": one["value"] for one in given}
        tasks = {task["name"]: task for task in template["spec"]["templates"][0]["dag"]["tasks"]}
        ended: List[Tuple[str, int]] = []
        results: Dict[str, str] = {}
        for step in steps_of(filled_in(template, {**parameters, "workflow.name": name})):
            task = filled_in(tasks[step["name"]], results)
            left, _, right = task.get("when", "==").partition("==")
            if left.strip() == right.strip():
                code, said = _run_step(step, task, tmp_path / name)
                ended.append((step["name"], code))
                results[f"tasks.{step['name']}.outputs.result"] = said
            if ended[-1][1]:
                break
        return ended

    return run


def _run_step(step: Template, task: Template, directory: Path) -> Tuple[int, str]:
    """Run one step; return its exit code and what it printed."""
    pod, kept = directory / "pods" / step["name"], directory / "kept"
    pod.mkdir(parents=True)
    given = task.get("arguments", {}).get("artifacts", [])
    origins = {one["name"]: one["from"].strip("{}").split(".") for one in given}
    for artifact in step["inputs"]["artifacts"]:
        target = pod / artifact["path"].lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        if "raw" in artifact:
            target.write_text(artifact["raw"]["data"], encoding="utf-8")
        else:
            _, producer, _, _, output = origins[artifact["name"]]
            target.symlink_to(kept / producer / output)
    command = [sys.executable, *step["container"]["command"][1:], *step["container"]["args"]]
    inside = [f"{pod}{text}" if text.startswith("/podtune/") else text for text in command]
    environment = {**os.environ, "HOME": str(pod)}
    result = subprocess.run(inside, env=environment, stdout=subprocess.PIPE, text=True, check=False)
    for artifact in step["outputs"]["artifacts"] if result.returncode == 0 else []:
        (kept / step["name"]).mkdir(parents=True, exist_ok=True)
        (pod / artifact["path"].lstrip("/")).rename(kept / step["name"] / artifact["name"])
    return result.returncode, result.stdout.strip()


def test_a_workflow_releases_a_model_and_stops_early_if_nothing_changed(
    scheduled_template_of: Callable[..., Template], run_here: Run, tmp_path: Path
) -> None:
    places = {"store": str(tmp_path / "store"), "workspace": str(tmp_path / "workspace")}
    template = scheduled_template_of("bert-tiny-squad", "cpu", *SMALL, **places)

    first, second = run_here(template, "first"), run_here(template, "second")

    fetching = [("check-store", 0), ("fetch-data", 0), ("fetch-model", 0)]
    preparing = [*fetching, ("tokenize-squad", 0), ("check-unchanged", 0)]
    releasing = [("finetune", 0), ("evaluate", 0), ("compare", 0), ("write-card", 0), ("publish", 0)]
    assert first == preparing + releasing
    assert second == preparing
    facts = RELEASE.open(tmp_path / "first" / "kept" / "publish" / "published").facts
    assert (facts.name, facts.version) == ("bert-tiny-squad", "1")


@pytest.mark.parametrize(
    ("status", "failed", "event", "reason"),
    [
        ("Succeeded", None, "skipped", "nothing was released"),
        ("Failed", "exit code 3: f1 is 1.00, below its floor", "refused", "publish: f1 is 1.00, below its floor"),
        ("Failed", 'main: Error (exit code 2): there is no "a" <b> in s3://m/é', "failed", 'no "a" <b> in s3://m/é'),
        ("Error", "pod deleted", "failed", "publish: pod deleted"),
    ],
)
def test_a_workflows_exit_handler_tells_how_it_ended(
    template_of: Callable[..., Template],
    filled_in: Callable[..., Any],
    webhook: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    status: str,
    failed: str,
    event: str,
    reason: str,
) -> None:
    monkeypatch.setenv("PODTUNE_RUN", "qa-x7k2p")
    places = {"store": str(tmp_path / "store"), "workspace": str(tmp_path / "workspace")}
    template = template_of("bert-tiny-squad", "cpu", "release.notify=true", **places)
    nodes = [{"templateName": "publish", "message": failed, "finishedAt": "2026-11-28T03:00:00Z"}] if failed else None
    # Argo quotes the list once more before it puts it in
    ended = {"workflow.status": status, "workflow.failures": json.dumps(json.dumps(nodes))}
    given = template["spec"]["arguments"]["parameters"]
    parameters = {f"workflow.parameters.{one['name']}": one["value"] for one in given}
    (step,) = [one for one in template["spec"]["templates"] if one["name"] == template["spec"]["onExit"]]

    code, _ = _run_step(filled_in(step, {**parameters, **ended}), {}, tmp_path / "pods")

    (message,) = webhook.messages
    assert code == 0
    assert (message["event"], message["run"]) == (event, "qa-x7k2p")
    assert reason in message["reason"]
