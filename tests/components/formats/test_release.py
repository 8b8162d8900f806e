import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Dict

import pytest
from hypothesis import given
from hypothesis import strategies as st
from podtune.errors import BadInput
from podtune.formats.release import (
    RELEASE,
    ReleaseFacts,
    ReleaseManifest,
    content_digest,
    is_safe,
    parse_release,
)
from podtune.formats.sealed import FileEntry

ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
FACTS: Dict[str, Any] = {"metrics": {"f1": 88.5}, "task": "question-answering"}
FILES = {"model.safetensors": FileEntry(3, ABC)}
MANIFEST = ReleaseManifest(
    "qa", "2", "2026-11-21T03:32:43+00:00", "0a", "1", content_digest(FACTS, FILES), FACTS, FILES
)


def test_a_manifest_is_read_back_as_it_was_written() -> None:
    assert parse_release(MANIFEST.to_bytes(), "here") == MANIFEST
    assert parse_release(replace(MANIFEST, parent=None).to_bytes(), "here").parent is None


def test_the_digest_is_of_the_content_alone() -> None:
    assert content_digest({"b": 1, "a": 2}, FILES) == content_digest({"a": 2, "b": 1}, FILES)
    assert content_digest({}, FILES) == "7caf666dbaa23eeaaa2efd1a00051fafc9aa79972d8f07fc34b8c6f19f03efc6"


@pytest.mark.parametrize(
    "change",
    [
        {"facts": {"metrics": {"f1": 99.9}}},
        {"files": {}},
        {"files": {"model.safetensors": {"size": 4, "sha256": ABC}}},
        {"files": {"model.safetensors": {"size": 3, "sha256": "../../../etc/passwd"}}},
        {"files": {"../model.safetensors": {"size": 3, "sha256": ABC}}},
        {"files": [1]},
        {"digest": "0" * 64},
        {"version": 2},
        {"extra": 1},
        {"facts": {"loss": float("nan")}},
    ],
)
def test_a_changed_manifest_is_damaged(change: Dict[str, Any]) -> None:
    data = json.dumps({**asdict(MANIFEST), **change}).encode()

    with pytest.raises(BadInput, match=r"^here is damaged: .*; publish again or use another version$"):
        parse_release(data, "here")


@pytest.mark.parametrize("data", [b"", b"{", b"\xff", b"[]", b"null", MANIFEST.to_bytes()[:-5], b"[" * 100_000])
def test_what_is_no_manifest_is_damaged(data: bytes) -> None:
    with pytest.raises(BadInput, match=r"^here is damaged: .*; publish again or use another version$"):
        parse_release(data, "here")


@given(st.text(st.sampled_from("ab./\\\0\n"), max_size=12))
def test_a_safe_name_stays_inside(name: str) -> None:
    root = Path("/root/of/the/download")

    inside = Path(f"{root}/{name}").resolve() if "\0" not in name else Path("/")

    assert not is_safe(name) or root in inside.parents


@pytest.mark.parametrize("name", ["config.json", "evaluation/manifest.json", ".gitattributes", "figures/größe 1.png"])
def test_ordinary_names_are_safe(name: str) -> None:
    assert is_safe(name)


def test_the_artifact_says_where_the_release_lies(tmp_path: Path) -> None:
    with RELEASE.sealing(tmp_path / "release") as draft:
        draft.facts = {"store": "s3://models/team", "name": "qa", "version": "2", "digest": ABC}

    facts = RELEASE.open(tmp_path / "release").facts

    assert facts == ReleaseFacts("s3://models/team", "qa", "2", ABC)
