import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, Iterator

import pytest
from podtune.errors import BadInput
from podtune_pipelines.image_digests import by_digest
from podtune_pipelines.placement import Placement
from servers.registries import Answer, AnsweringRegistry

pytestmark = pytest.mark.local

CPU, GPU = "sha256:" + "c" * 64, "sha256:" + "d" * 64


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Iterator[Dict[str, Answer]]:
    """The answers of a registry that PODTUNE_REGISTRY names, by image."""
    answers: Dict[str, Answer] = {
        "python-cpu": (200, {"Docker-Content-Digest": CPU}, b""),
        "python-gpu": (200, {"Docker-Content-Digest": GPU}, b""),
    }
    server = AnsweringRegistry(lambda path, headers: answers.get(path.split("/")[3], (404, {}, b"")))
    monkeypatch.setenv("PODTUNE_REGISTRY", f"{server.address}/team")
    monkeypatch.delenv("PODTUNE_IMAGES", raising=False)
    yield answers
    server.close()


def test_images_are_named_as_their_registry_has_them_now(registry: Any) -> None:
    placed, unknown = by_digest(Placement("gpu"))

    assert unknown == []
    assert placed.image("cpu").endswith(f"/team/python-cpu:0.1.0@{CPU}")
    assert placed.image("gpu").endswith(f"/team/python-gpu:0.1.0@{GPU}")
    assert placed.is_by_digest


def test_what_the_registry_does_not_tell_is_said_and_named_by_its_tag(registry: Any) -> None:
    registry["python-gpu"] = (503, {}, b"")

    placed, unknown = by_digest(Placement("gpu"))

    name = placed.image("gpu")
    host = name.partition("/")[0]
    assert unknown == [
        f"{host}/team/python-gpu:0.1.0 may change while its tag does not: {host} answers 503 without a digest of "
        "team/python-gpu:0.1.0; it is named by its tag, and KFP will reuse no earlier results"
    ]
    assert (name, placed.is_by_digest) == (f"{host}/team/python-gpu:0.1.0", False)
    assert placed.image("cpu").endswith(f"@{CPU}")


def test_what_the_registry_does_not_have_is_refused(registry: Any) -> None:
    del registry["python-gpu"]

    with pytest.raises(BadInput, match=r"has no team/python-gpu:0\.1\.0; push it$"):
        by_digest(Placement("gpu"))

    assert by_digest(Placement("cpu"))[0].is_by_digest


def test_a_file_goes_before_the_registry(registry: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    registry.clear()
    monkeypatch.setenv("PODTUNE_REGISTRY", "registry.example.org/team")
    listed = {f"registry.example.org/team/python-{device}:0.1.0": GPU for device in ("cpu", "gpu")}
    (tmp_path / "digests.json").write_text(json.dumps(listed))
    monkeypatch.setenv("PODTUNE_IMAGES", str(tmp_path / "digests.json"))

    placed, unknown = by_digest(Placement("gpu"))

    assert (placed.image("gpu"), unknown) == (f"registry.example.org/team/python-gpu:0.1.0@{GPU}", [])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "is no file"),
        ("[]", "must hold an object"),
        (
            "{}",
            r"must have sha256:… for localhost/podtune/python-cpu:0\.1\.0; it is not there; make push writes it anew",
        ),
        ('{"localhost/podtune/python-cpu:0.1.0": 1}', "got '1'"),
        ('{"localhost/podtune/python-cpu:0.1.0": "sha256:1"}', "got 'sha256:1'"),
    ],
)
def test_a_file_that_does_not_tell_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: Any, message: str
) -> None:
    monkeypatch.delenv("PODTUNE_REGISTRY", raising=False)
    monkeypatch.setenv("PODTUNE_IMAGES", str(tmp_path / "digests.json"))
    if content is not None:
        (tmp_path / "digests.json").write_text(content)

    with pytest.raises(BadInput, match=message) as raised:
        by_digest(Placement("cpu"))

    assert str(tmp_path / "digests.json") in str(raised.value)


def test_without_a_registry_nothing_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PODTUNE_REGISTRY", raising=False)
    monkeypatch.delenv("PODTUNE_IMAGES", raising=False)

    placed, unknown = by_digest(Placement("ipu"))

    assert (placed.image("ipu"), placed.is_by_digest) == ("localhost/podtune/python-ipu:0.1.0", False)
    assert unknown == [
        "PODTUNE_REGISTRY is not set: only nodes that localhost/podtune/python-cpu:0.1.0 and "
        "localhost/podtune/python-ipu:0.1.0 were loaded into can run this; KFP will reuse no earlier results, because "
        "a tag may come to name another image"
    ]


def test_make_push_writes_such_a_file(registry: Any) -> None:
    command = [sys.executable, "-m", "podtune_pipelines.image_digests", "cpu", "gpu"]

    ended = subprocess.run(command, capture_output=True, text=True, check=True)

    assert list(json.loads(ended.stdout).values()) == [CPU, GPU]
    assert [name.rpartition("/")[2] for name in json.loads(ended.stdout)] == ["python-cpu:0.1.0", "python-gpu:0.1.0"]
