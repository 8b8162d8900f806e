import json
import os
from pathlib import Path
from typing import Set

import numpy as np
import pytest
from podtune.errors import BadInput, from_os_error
from podtune.formats.ragged import save_array
from podtune.formats.sealed import FileEntry, Manifest, OfTheRun, open_sealed, read_manifest, sealing, verify


@pytest.fixture
def sealed(tmp_path: Path) -> Path:
    path = tmp_path / "features"
    with sealing(path, "features", 1) as draft:
        (draft.path / "train").mkdir()
        (draft.path / "train" / "tokens.bin").write_bytes(b"abc")
        draft.facts["rows"] = 3
    return path


def test_a_sealed_directory_says_what_is_in_it(sealed: Path) -> None:
    manifest = open_sealed(sealed, "features", 1)

    assert manifest.facts == {"rows": 3}
    assert manifest.files == {
        "train/tokens.bin": FileEntry(3, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    }
    assert manifest.digest == "32e0fe9f5674d549c9cabc8313ae9d61f422f8f9627f8bf53a86e9ab026a8fac"


OF_THE_RUN = OfTheRun(facts=("seconds",), files=("log.jsonl", "tensorboard/"))


def _trained(path: Path, *, seconds: float, step: int, log: str) -> Manifest:
    with sealing(path, "checkpoint", 1, OF_THE_RUN) as draft:
        (draft.path / "tensorboard").mkdir()
        (draft.path / "tensorboard" / "events").write_text(log)
        (draft.path / "log.jsonl").write_text(log)
        (draft.path / "model.bin").write_text("abc")
        draft.facts.update({"step": step, "seconds": seconds})
    return open_sealed(path, "checkpoint", 1)


def test_the_same_work_at_another_time_has_the_same_digest(tmp_path: Path) -> None:
    first = _trained(tmp_path / "first", seconds=1.5, step=3, log="quick")
    second = _trained(tmp_path / "second", seconds=2.5, step=3, log="slow")
    third = _trained(tmp_path / "third", seconds=1.5, step=4, log="quick")

    assert first.digest == second.digest != third.digest
    assert (first.facts, second.facts["seconds"]) == ({"step": 3, "seconds": 1.5}, 2.5)
    assert sorted(first.files) == ["log.jsonl", "model.bin", "tensorboard/events"]


@pytest.mark.parametrize(("name", "value"), [("log.jsonl", b"quiet"), ("manifest.json", b"")])
def test_what_tells_of_the_run_is_verified_too(tmp_path: Path, name: str, value: bytes) -> None:
    _trained(tmp_path / "first", seconds=1.5, step=3, log="quick")
    path = tmp_path / "first" / name
    path.write_bytes(value or path.read_bytes().replace(b'"seconds": 1.5', b'"seconds": 1.4'))

    with pytest.raises(BadInput, match=rf"{name} is (corrupted|damaged)"):
        open_sealed(tmp_path / "first", "checkpoint", 1)


def test_all_is_on_the_disk_before_it_gets_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: Set[str] = set()
    monkeypatch.setattr(os, "fsync", lambda descriptor: synced.add(Path(f"/proc/self/fd/{descriptor}").resolve().name))

    with sealing(tmp_path / "features", "features", 1) as draft:
        (draft.path / "tokens.bin").write_bytes(b"abc")

    partial = draft.path.name
    assert synced == {"tokens.bin", "manifest.json", partial, tmp_path.name}


def test_nothing_is_left_beside_it(sealed: Path) -> None:
    assert sorted(path.name for path in sealed.parent.iterdir()) == ["features"]


def test_a_failure_leaves_what_was_there_before(sealed: Path) -> None:
    with pytest.raises(RuntimeError), sealing(sealed, "features", 1) as draft:
        (draft.path / "half").write_text("half")
        raise RuntimeError

    assert (sealed / "train" / "tokens.bin").read_bytes() == b"abc"
    assert sorted(path.name for path in sealed.parent.iterdir()) == ["features"]


def test_a_new_directory_replaces_the_old_one_whole(sealed: Path) -> None:
    with sealing(sealed, "features", 1) as draft:
        (draft.path / "other.bin").write_bytes(b"x")

    assert sorted(path.name for path in sealed.iterdir()) == ["manifest.json", "other.bin"]
    assert sorted(path.name for path in sealed.parent.iterdir()) == ["features"]


def test_a_flipped_bit_is_found(sealed: Path) -> None:
    (sealed / "train" / "tokens.bin").write_bytes(b"abd")

    with pytest.raises(BadInput, match=r"tokens\.bin is corrupted: its SHA-256 is a52d.*its manifest says ba78"):
        open_sealed(sealed, "features", 1)


def test_a_truncated_file_is_found(sealed: Path) -> None:
    (sealed / "train" / "tokens.bin").write_bytes(b"ab")

    with pytest.raises(BadInput, match=r"tokens\.bin has 2 bytes; its manifest says 3"):
        verify(sealed)


def test_a_missing_file_is_found(sealed: Path) -> None:
    (sealed / "train" / "tokens.bin").unlink()

    with pytest.raises(BadInput, match=r"tokens\.bin is missing"):
        verify(sealed)


def test_another_kind_is_refused(sealed: Path) -> None:
    with pytest.raises(BadInput, match="holds features, not checkpoint"):
        read_manifest(sealed, "checkpoint", 1)


def test_another_version_is_refused(sealed: Path) -> None:
    with pytest.raises(BadInput, match="holds features of version 1; this podtune reads version 2"):
        read_manifest(sealed, "features", 2)


def test_a_directory_without_a_manifest_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"holds no features: it has no manifest\.json"):
        read_manifest(tmp_path, "features", 1)


@pytest.mark.parametrize("content", ["{", "[]", '{"kind": "features"}', json.dumps({"kind": 1, "files": 2})])
def test_a_damaged_manifest_is_refused(sealed: Path, content: str) -> None:
    (sealed / "manifest.json").write_text(content)

    with pytest.raises(BadInput, match=r"manifest\.json is damaged; make the features again"):
        read_manifest(sealed, "features", 1)


def test_facts_that_are_no_json_are_refused_before_anything_appears(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JSON"), sealing(tmp_path / "x", "features", 1) as draft:
        draft.facts["loss"] = float("nan")

    assert list(tmp_path.iterdir()) == []


def test_a_changed_fact_is_noticed(sealed: Path) -> None:
    manifest = sealed / "manifest.json"
    manifest.write_bytes(manifest.read_bytes().replace(b'"rows": 3', b'"rows": 7'))

    with pytest.raises(BadInput, match=r"manifest\.json is damaged; make the features again"):
        read_manifest(sealed, "features", 1)


def test_each_flipped_bit_of_a_manifest_is_noticed_or_changes_nothing(sealed: Path) -> None:
    """One in the key of its own sum leaves a manifest as earlier versions wrote them."""
    manifest, whole = sealed / "manifest.json", (sealed / "manifest.json").read_bytes()
    before = read_manifest(sealed, "features", 1)
    for bit in range(8 * len(whole)):
        changed = bytearray(whole)
        changed[bit // 8] ^= 1 << bit % 8
        manifest.write_bytes(bytes(changed))
        try:
            found = read_manifest(sealed, "features", 1)
        except BadInput:
            continue
        assert (found.facts, found.files) == (before.facts, before.files)


def test_a_manifest_of_an_earlier_version_has_no_sum_of_its_own(sealed: Path) -> None:
    content = json.loads((sealed / "manifest.json").read_text())
    del content["sha256"]
    (sealed / "manifest.json").write_text(json.dumps(content))

    assert read_manifest(sealed, "features", 1).facts == {"rows": 3}


def test_a_full_disk_is_told_with_the_place(tmp_path: Path, small_files: None) -> None:
    target = tmp_path / "features"

    with pytest.raises(OSError, match="features") as raised, sealing(target, "features", 1) as draft:
        save_array(draft.path, "tokens", np.zeros(100_000, dtype=np.int64))

    place = f"no space left to write {tmp_path / 'features'}; free some and start again"
    assert str(from_os_error(raised.value)) == place
    assert list(tmp_path.iterdir()) == []
