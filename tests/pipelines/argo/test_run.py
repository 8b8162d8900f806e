"""A WorkflowTemplate does what it says: its steps are run here by what Argo would give to the kubelet."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Callable, Dict, List, Tuple

import pytest

Template = Dict[str, Any]

pytestmark = pytest.mark.local


@pytest.fixture
def run_here(
    tmp_path: Path, steps_of: Callable[..., Any], filled_in: Callable[..., Any]
) -> Callable[[Template], List[Tuple[str, int]]]:
    """A function that runs a workflow's steps in their order until one fails: each step, and its exit code.

    Its volumes are directories, its artifact repository is one too, and python3 is this interpreter.
    """

    def run(template: Template) -> List[Tuple[str, int]]:
        parameters = {
            f"workflow.parameters.{one['name']}": one["value"] for one in template["spec"]["arguments"]["parameters"]
        }
        tasks = {task["name"]: task for task in template["spec"]["templates"][0]["dag"]["tasks"]}
        ended: List[Tuple[str, int]] = []
        for step in steps_of(filled_in(template, {**parameters, "workflow.name": "w"})):
            ended.append((step["name"], _run_step(step, tasks[step["name"]], tmp_path)))
            if ended[-1][1]:
                break
        return ended

    return run


def _run_step(step: Template, task: Template, directory: Path) -> int:
    pod, kept = directory / "pods" / step["name"], directory / "kept"
    pod.mkdir(parents=True)
    origins = {
        one["name"]: one["from"].strip("{}").split(".") for one in task.get("arguments", {}).get("artifacts", [])
    }
    for artifact in step["inputs"]["artifacts"]:
        target = pod / artifact["path"].lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        if "raw" in artifact:
            target.write_text(artifact["raw"]["data"], encoding="utf-8")
        else:
            _, producer, _, _, output = origins[artifact["name"]]
            target.symlink_to(kept / producer / output)
    command = [sys.executable, *step["container"]["command"][1:], *step["container"]["args"]]
    inside = [
        text.replace("/podtune/", f"{pod}/podtune/") if text.startswith("/podtune/") else text for text in command
    ]
    code = subprocess.run(inside, env={**os.environ, "HOME": str(pod)}, check=False).returncode
    for artifact in step["outputs"]["artifacts"] if code == 0 else []:
        (kept / step["name"]).mkdir(parents=True, exist_ok=True)
        (pod / artifact["path"].lstrip("/")).rename(kept / step["name"] / artifact["name"])
    return code


SMALL = ("training.epochs=1", "training.max_steps=4", "evaluation.bootstrap_samples=100")


def test_a_workflow_releases_a_model(
    template_of: Callable[..., Template], run_here: Callable[[Template], List[Tuple[str, int]]], tmp_path: Path
) -> None:
    places = {"store": str(tmp_path / "store"), "workspace": str(tmp_path / "workspace")}
    template = template_of("bert-tiny-squad", "cpu", *SMALL, "gate.floors={}", **places)

    ended = run_here(template)

    steps = ["fetch-data", "fetch-model", "tokenize-squad", "finetune", "evaluate", "compare", "write-card", "publish"]
    assert ended == [(step, 0) for step in steps]
    published = tmp_path / "kept" / "publish" / "published"
    assert json.loads((published / "manifest.json").read_text(encoding="utf-8"))["facts"]["name"] == "bert-tiny-squad"
