"""The manifests as kubectl renders them, and the pods that are going to run beside them."""

import shutil
import subprocess
from pathlib import Path
from typing import Any, Callable, Dict, List

import pytest
import yaml
from podtune.jobs.ipujob import manifest_of
from podtune.jobs.work import Work
from podtune_pipelines.argo.workflow import workflow_template
from podtune_pipelines.compiled_graph import graph_of
from podtune_pipelines.graphs import arguments_of
from podtune_pipelines.placement import Placement
from podtune_pipelines.recipe import load_recipe

Document = Dict[str, Any]

MANIFESTS = Path(__file__).parents[2] / "manifests"
OLDEST_KUSTOMIZE = 5


@pytest.fixture(scope="session")
def render(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., List[Document]]:
    """A function (*parts) that renders an overlay, or bases and components put together."""
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        pytest.skip("kubectl is not installed; with version 1.27 or later of it the manifests are rendered and checked")
    said = subprocess.run([kubectl, "version", "--client"], capture_output=True, text=True, check=False).stdout
    version = said.partition("Kustomize Version: v")[2]
    if not version or int(version.split(".")[0]) < OLDEST_KUSTOMIZE:
        pytest.skip(f"kubectl is too old to render the manifests; 1.27 or later does; this one says {said.strip()!r}")
    known: Dict["tuple[str, ...]", List[Document]] = {}

    def written(*parts: str) -> List[Document]:
        if parts not in known:
            folder = _overlay(parts, tmp_path_factory) if len(parts) > 1 else MANIFESTS / parts[0]
            text = subprocess.run(
                [kubectl, "kustomize", str(folder)], capture_output=True, text=True, check=True
            ).stdout
            known[parts] = list(yaml.safe_load_all(text))
        return known[parts]

    return written


def _overlay(parts: "tuple[str, ...]", factory: pytest.TempPathFactory) -> Path:
    """An overlay of such parts; kustomize takes relative paths only."""
    folder = factory.mktemp("overlay").resolve()
    up = "/".join([".."] * (len(folder.parts) - 1))
    found = {
        kind: [f"{up}{MANIFESTS / part}" for part in parts if part.startswith(kind)] for kind in ("base", "components")
    }
    content = {"kind": "Kustomization", "resources": found["base"], "components": found["components"]}
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def worker_pod() -> Document:
    """The pod that the operator makes of an IPUJob."""
    inputs = {"features": "s3://podtune/artifacts/f"}
    work = Work("finetune", inputs, "checkpoint", {}, {"device": "ipu"}, "s3://podtune/training/ipujobs/finetune-0")
    template = manifest_of("finetune-0", work, 16, "podtune/python-ipu:1")["spec"]["workers"]["template"]
    return _pod("worker", "podtune-ipu", template["metadata"], template["spec"])


@pytest.fixture(scope="session")
def workflows() -> Dict[str, Document]:
    """Device to the WorkflowTemplate of a recipe that uses it."""
    return {
        device: _workflow(recipe, device) for recipe, device in (("minilm-squad", "gpu"), ("roberta-base-squad", "ipu"))
    }


def _workflow(recipe: str, device: str) -> Document:
    loaded = load_recipe(recipe)
    arguments = arguments_of(loaded, store="s3://podtune/store", workspace="s3://podtune/training")
    return workflow_template(graph_of(loaded, Placement(device), arguments), {**arguments, "bucket": "podtune"})


@pytest.fixture(scope="session")
def step_pods(workflows: Dict[str, Document]) -> List[Document]:
    """The pods that Argo makes of the steps."""
    return [
        _step_pod(f"{device}-{template['name']}", workflow["spec"], template)
        for device, workflow in workflows.items()
        for template in workflow["spec"]["templates"]
        if "container" in template
    ]


def _step_pod(name: str, workflow: Document, template: Document) -> Document:
    inherited = ("serviceAccountName", "automountServiceAccountToken", "securityContext")
    spec = {key: template.get(key, workflow[key]) for key in inherited}
    volumes = workflow["volumes"] + template["volumes"]
    return _pod(
        name,
        "podtune",
        template["metadata"],
        {**spec, "containers": [{"name": "main", **template["container"]}], "volumes": volumes},
    )


def _pod(name: str, namespace: str, metadata: Document, spec: Document) -> Document:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {**metadata, "name": name, "namespace": namespace},
        "spec": spec,
    }
