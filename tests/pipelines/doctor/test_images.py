from typing import Any

import pytest
from podtune_pipelines.doctor.findings import not_checked, ok, warning
from podtune_pipelines.doctor.images import check_images
from servers.registries import Answer, AnsweringRegistry

A = "sha256:" + "a" * 64


@pytest.mark.local
@pytest.mark.parametrize(
    ("script", "expected"),
    [
        (
            "echo sha256:1",
            ok(
                "image a", "is on this machine; nodes have it only if it was loaded into them, or with PODTUNE_REGISTRY"
            ),
        ),
        (
            "echo 'Error: No such image: a' >&2; exit 1",
            warning(
                "image a", "is not on this machine", "build it, or name the registry that has it: PODTUNE_REGISTRY"
            ),
        ),
        (
            "echo 'Cannot connect to the daemon' >&2; exit 1",
            not_checked("image a", "neither docker nor podman answers here", "name its registry: PODTUNE_REGISTRY"),
        ),
    ],
)
def test_an_image_is_there_missing_or_unknown(
    programs: Any, monkeypatch: pytest.MonkeyPatch, script: str, expected: Any
) -> None:
    monkeypatch.delenv("PODTUNE_REGISTRY", raising=False)
    programs("docker", script)

    assert list(check_images(["a"])) == [expected]


def test_without_a_builder_images_are_unknown(programs: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PODTUNE_REGISTRY", raising=False)

    assert [found.outcome for found in check_images(["a", "b"])] == ["not checked", "not checked"]


@pytest.mark.local
@pytest.mark.parametrize(
    ("answer", "outcome", "found"),
    [
        ((200, {"Docker-Content-Digest": A}, b""), "ok", f"its registry has {A}"),
        ((404, {}, b""), "failed", "HOST has no team/python-cpu:0.1.0"),
        ((403, {}, b""), "not checked", "HOST refuses to show team/python-cpu (403); log in: docker login HOST"),
    ],
)
def test_a_registry_is_asked(monkeypatch: pytest.MonkeyPatch, answer: Answer, outcome: str, found: str) -> None:
    registry = AnsweringRegistry(lambda path, headers: answer)
    monkeypatch.setenv("PODTUNE_REGISTRY", f"{registry.address}/team")

    (finding,) = check_images([f"{registry.address}/team/python-cpu:0.1.0"])

    registry.close()
    assert (finding.outcome, finding.found) == (outcome, found.replace("HOST", registry.address))
