"""The manifests and pods before the tools that look for mistakes in them (tests/manifests/requirements.lock)."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any, Callable, Dict, List, Set

import pytest
import yaml

Document = Dict[str, Any]
Render = Callable[..., List[Document]]

pytestmark = pytest.mark.local

REPOSITORY = Path(__file__).parents[2]
TOOLS = REPOSITORY / "build" / "manifest-tools" / "bin"
KUBERNETES = "1.32"
EVERYTHING = {
    "production-ipu": ("overlays/production-ipu",),
    "production-gpu": ("overlays/production-gpu",),
    "local": ("overlays/local",),
    "local-ipu": ("overlays/local-ipu",),
    "argo": (
        "base/steps",
        "base/ipu",
        *(f"components/{name}" for name in ("argo", "argo-store", "gpus", "store", "pod-identity", "hub", "hub-ipv6")),
    ),
    "argo-own-store": (
        "base/steps",
        *(
            f"components/{name}"
            for name in ("argo", "argo-cluster-store", "gpus", "cluster-store", "proxy", "resolver")
        ),
    ),
    "kfp-own-store": ("base/steps", "components/kfp", "components/cluster-store", "components/kfp-providers"),
}


def tool(name: str) -> str:
    found = shutil.which(name, path=os.pathsep.join((str(TOOLS), os.environ["PATH"])))
    if found is None:
        pytest.skip(f"{name} is not installed; `make check-manifests` installs it in an environment of its own")
    return found


@pytest.fixture
def files(tmp_path: Path, render: Render, step_pods: List[Document], worker_pod: Document) -> List[Path]:
    """The rendered manifests, one file a combination, and the pods."""
    contents = {name: render(*parts) for name, parts in EVERYTHING.items()}
    contents = {**contents, "step-pods": step_pods, "worker-pods": [worker_pod]}
    for name, documents in contents.items():
        plain = json.loads(json.dumps(documents))
        (tmp_path / f"{name}.yaml").write_text(yaml.safe_dump_all(plain), encoding="utf-8")
    return sorted(tmp_path.glob("*.yaml"))


def test_every_object_is_as_kubernetes_defines_it(files: List[Path]) -> None:
    command = [tool("kubernetes-validate"), "--strict", "-k", KUBERNETES, *map(str, files)]

    result = subprocess.run(command, capture_output=True, text=True, check=False)

    said = result.stdout + result.stderr
    assert result.returncode == 0, said
    assert said.count(" passed for resource ") == len(said.splitlines())
    assert said.count(" passed for resource pod/") == 19


def test_a_misspelt_field_is_found(tmp_path: Path, worker_pod: Document) -> None:
    wrong = {**worker_pod, "spec": {**worker_pod["spec"], "hostIpc": True}}
    (tmp_path / "wrong.yaml").write_text(yaml.safe_dump(json.loads(json.dumps(wrong))), encoding="utf-8")
    command = [tool("kubernetes-validate"), "--strict", "-k", KUBERNETES, str(tmp_path / "wrong.yaml")]

    result = subprocess.run(command, capture_output=True, text=True, check=False)

    assert result.returncode != 0
    assert "hostIpc" in result.stdout + result.stderr


def test_every_finding_is_accepted_with_a_reason(files: List[Path]) -> None:
    command = [tool("checkov"), "--framework", "kubernetes", "--directory", str(files[0].parent), "--quiet"]
    command += ["--output", "json", "--soft-fail", "--skip-download"]

    result = subprocess.run(command, capture_output=True, text=True, check=True)

    report = json.loads(result.stdout)
    assert report["summary"]["parsing_errors"] == 0
    assert report["summary"]["skipped"] == 0
    assert report["summary"]["resource_count"] >= 17
    found: Dict[str, Set[str]] = {}
    for finding in report["results"]["failed_checks"]:
        found.setdefault(_kind_of(finding["resource"]), set()).add(finding["check_id"])
    accepted = {kind: set(reasons) for kind, reasons in _accepted().items()}
    assert found == {**accepted, "submitter": accepted["step"] | accepted["submitter"]}


def test_every_accepted_finding_says_why() -> None:
    accepted = _accepted()

    assert sorted(accepted) == ["step", "submitter", "worker"]
    for reasons in accepted.values():
        assert not [check for check, reason in reasons.items() if len(reason.split()) < 4]
        assert not [check for check in reasons if not check.startswith(("CKV_K8S_", "CKV2_K8S_"))]


def _kind_of(resource: str) -> str:
    """Whose finding it is: a pod's, by what it does, or an object of the manifests."""
    if resource.startswith("Pod.podtune-ipu."):
        return "worker"
    if resource.endswith("-on-ipu"):
        return "submitter"
    return "step" if resource.startswith("Pod.podtune.") else resource


def _accepted() -> Dict[str, Dict[str, str]]:
    accepted: Dict[str, Dict[str, str]] = yaml.safe_load(
        (REPOSITORY / "manifests" / "accepted-findings.yaml").read_text(encoding="utf-8")
    )
    return accepted
