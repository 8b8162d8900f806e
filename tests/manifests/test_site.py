"""What an overlay does without what only a cluster's owners know."""

import re
from pathlib import Path
from typing import Any, Callable, Dict, List

import pytest
import yaml

Document = Dict[str, Any]
Render = Callable[..., List[Document]]

pytestmark = pytest.mark.local

MANIFESTS = Path(__file__).parents[2] / "manifests"
SHIPPED = MANIFESTS / "site" / "site.yaml"

NEEDED = {
    ("overlays/production-gpu",): ["apiServer.to", "apiServer.ports", "roles", "s3", "store.to", "store.ports"],
    ("overlays/production-ipu",): ["apiServer.to", "apiServer.ports", "roles", "s3", "store.to", "store.ports"],
    ("overlays/local-ipu",): ["apiServer.to", "apiServer.ports"],
    ("base/steps", "components/argo", "components/argo-store"): [
        "apiServer.to",
        "apiServer.ports",
        "artifactRepository",
    ],
    ("base/steps", "components/resolver"): ["dns.to", "dns.ports"],
    ("base/steps", "components/proxy"): ["proxy.to", "proxy.ports"],
    ("base/steps", "components/hub-ipv6"): ["ownIPv6"],
}
"""Parts to the values without which they are not rendered."""


def examples() -> Document:
    """The site as shipped, with every example taken for a value."""
    site: Document = yaml.safe_load(re.sub("(?m)^  # ", "  ", SHIPPED.read_text(encoding="utf-8")))
    return site


def without(site: Document, path: str, empty: Any) -> Document:
    """The site with a value left empty."""
    key, _, part = path.partition(".")
    value = {**site["spec"][key], part: empty} if part else empty
    return {**site, "spec": {**site["spec"], key: value}}


def written(folder: Path, site: Document) -> Path:
    path = folder / "site.yaml"
    path.write_text(yaml.safe_dump(site), encoding="utf-8")
    return path


@pytest.mark.parametrize("parts", NEEDED)
def test_an_overlay_that_was_not_filled_in_is_refused(parts: "tuple[str, ...]", kustomize: Any) -> None:
    result = kustomize(SHIPPED, *parts)

    assert result.returncode != 0
    assert result.stdout == ""
    assert f"fieldPath `spec.{NEEDED[parts][0]}` is missing for replacement source Site" in result.stderr


@pytest.mark.parametrize(("parts", "missing"), [(parts, one) for parts in list(NEEDED)[1:] for one in NEEDED[parts]])
def test_each_value_that_is_left_empty_is_named(
    parts: "tuple[str, ...]", missing: str, kustomize: Any, tmp_path: Path
) -> None:
    """A rule of a network policy that is left empty would open everything."""
    result = kustomize(written(tmp_path, without(examples(), missing, empty=None)), *parts)

    assert (result.returncode != 0, result.stdout) == (True, "")
    assert f"fieldPath `spec.{missing}` is missing" in result.stderr


@pytest.mark.parametrize("parts", NEEDED)
def test_nothing_else_is_needed(parts: "tuple[str, ...]", kustomize: Any, tmp_path: Path) -> None:
    keys = {path.partition(".")[0] for path in NEEDED[parts]}
    site = examples()
    site["spec"] = {key: value for key, value in site["spec"].items() if key in keys}

    result = kustomize(written(tmp_path, site), *parts)

    assert (result.returncode, result.stderr) == (0, "")
    assert "kind: Site" not in result.stdout


def test_the_examples_are_all_that_the_components_ask_for() -> None:
    sources = [path.read_text(encoding="utf-8") for path in (MANIFESTS / "components").rglob("kustomization.yaml")]

    asked = {key for text in sources for key in re.findall(r"fieldPath: spec\.(\w+)", text)}
    assert yaml.safe_load(SHIPPED.read_text(encoding="utf-8"))["spec"] is None
    assert examples()["spec"].keys() == asked
    assert asked == {"apiServer", "store", "s3", "roles", "artifactRepository", "dns", "proxy", "ownIPv6"}


def test_the_example_of_argos_repository_keeps_logs_where_every_step_may_write() -> None:
    repository = yaml.safe_load(examples()["spec"]["artifactRepository"])

    assert repository["archiveLogs"] is True
    assert repository["s3"]["keyFormat"] == "artifacts/{{workflow.name}}/logs/{{pod.name}}"


def test_what_is_filled_in_reaches_every_object(render: Render) -> None:
    documents = render("overlays/production-ipu", site="elsewhere")

    stores = {one["metadata"]["namespace"]: one["data"] for one in documents if one["kind"] == "ConfigMap"}
    roles = {
        one["metadata"]["name"]: one["metadata"]["annotations"]["eks.amazonaws.com/role-arn"]
        for one in documents
        if one["kind"] == "ServiceAccount" and one["metadata"].get("annotations")
    }
    assert stores == {"podtune": {"AWS_REGION": "us-east-1"}, "podtune-ipu": {"AWS_REGION": "us-east-1"}}
    assert roles == {
        "podtune-runner": "arn:aws-us-gov:iam::111122223333:role/ml/podtune-runner",
        "podtune-ipu-submitter": "arn:aws-us-gov:iam::111122223333:role/ml/podtune-trainer",
        "podtune-ipu-worker": "arn:aws-us-gov:iam::111122223333:role/ml/podtune-ipu-worker",
    }
