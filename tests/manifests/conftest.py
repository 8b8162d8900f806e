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

Kustomize = Callable[..., "subprocess.CompletedProcess[str]"]
Render = Callable[..., List[Document]]

MANIFESTS = Path(__file__).parents[2] / "manifests"
SITES = Path(__file__).parent / "sites"
"""What the owners of clusters fill in."""

OLDEST_KUSTOMIZE = 5


@pytest.fixture(scope="session")
def kustomize(tmp_path_factory: pytest.TempPathFactory) -> Kustomize:
    """A function (site, *parts) that has kubectl render an overlay, or bases and components put together."""
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        pytest.skip("kubectl is not installed; with version 1.27 or later of it the manifests are rendered and checked")
    said = subprocess.run([kubectl, "version", "--client"], capture_output=True, text=True, check=False).stdout
    version = said.partition("Kustomize Version: v")[2]
    if not version or int(version.split(".")[0]) < OLDEST_KUSTOMIZE:
        pytest.skip(f"kubectl is too old to render the manifests; 1.27 or later does; this one says {said.strip()!r}")

    def rendered(site: Path, *parts: str) -> "subprocess.CompletedProcess[str]":
        folder = tmp_path_factory.mktemp("manifests")
        copy = shutil.copytree(MANIFESTS, folder / "manifests")
        shutil.copy(site, copy / "site" / "site.yaml")
        overlay = copy / parts[0] if parts[0].startswith("overlays/") else _overlay(parts, copy)
        return subprocess.run([kubectl, "kustomize", str(overlay)], capture_output=True, text=True, check=False)

    return rendered


@pytest.fixture(scope="session")
def render(kustomize: Kustomize) -> Render:
    """A function (*parts, site=…) that renders an overlay, or bases and components put together, without a warning."""
    known: Dict["tuple[str, ...]", List[Document]] = {}

    def written(*parts: str, site: str = "private") -> List[Document]:
        if (site, *parts) not in known:
            result = kustomize(SITES / f"{site}.yaml", *parts)
            assert (result.returncode, result.stderr) == (0, "")
            known[(site, *parts)] = list(yaml.safe_load_all(result.stdout))
        return known[(site, *parts)]

    return written


def _overlay(parts: "tuple[str, ...]", manifests: Path) -> Path:
    """An overlay of such parts."""
    folder = manifests / "overlays" / "of-parts"
    folder.mkdir()
    found = {kind: [f"../../{part}" for part in parts if part.startswith(kind)] for kind in ("base", "components")}
    content = {"kind": "Kustomization", "resources": ["../../site", *found["base"]], "components": found["components"]}
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
