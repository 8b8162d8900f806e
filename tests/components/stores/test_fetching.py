import fcntl
import os
import resource
from dataclasses import replace
from pathlib import Path
from typing import Any, List

import pytest
from podtune.errors import BadInput, LostRace, TryAgainLater
from podtune.formats.release import ReleaseManifest
from podtune.formats.sealed import FileEntry
from podtune.stores.directory_store import DirectoryStore
from podtune.stores.fetching import fetch_files, read_fetched, verify_fetched
from podtune.stores.releases import publish
from podtune.stores.s3_store import S3Store
from podtune.stores.store import Store

ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
"""SHA-256 of b"abc", as its standard says."""


def _release(store: Store, directory: Path) -> ReleaseManifest:
    directory.mkdir()
    (directory / "weights").write_text("abc")
    (directory / "scores").write_text("x" * 2000)
    files = {"model.safetensors": directory / "weights", "evaluation/examples.jsonl": directory / "scores"}
    return publish(store, "qa", files=files, facts={}, expected=None)


def _files(directory: Path) -> List[str]:
    return sorted(path.relative_to(directory).as_posix() for path in directory.rglob("*") if path.is_file())


def test_a_release_lands_whole_with_its_record(store: Store, tmp_path: Path) -> None:
    manifest = _release(store, tmp_path / "source")

    fetch_files(store, manifest, tmp_path / "to" / "qa")

    assert _files(tmp_path / "to") == [
        "qa/evaluation/examples.jsonl",
        "qa/model.safetensors",
        "qa/release.json",
    ]
    assert (tmp_path / "to/qa/model.safetensors").read_text() == "abc"
    assert read_fetched(tmp_path / "to/qa") == manifest
    verify_fetched(tmp_path / "to/qa", manifest)


def test_a_part_of_a_release_keeps_its_names(store: Store, tmp_path: Path) -> None:
    manifest = _release(store, tmp_path / "source")

    fetch_files(store, manifest, tmp_path / "to", "evaluation/")

    assert _files(tmp_path / "to") == ["evaluation/examples.jsonl", "release.json"]


def test_an_empty_directory_is_filled(directory_store: DirectoryStore, tmp_path: Path) -> None:
    manifest = _release(directory_store, tmp_path / "source")
    (tmp_path / "to").mkdir()

    fetch_files(directory_store, manifest, tmp_path / "to")

    verify_fetched(tmp_path / "to", manifest)


def test_a_directory_with_other_files_is_left_alone(directory_store: DirectoryStore, tmp_path: Path) -> None:
    manifest = _release(directory_store, tmp_path / "source")
    (tmp_path / "to").mkdir()
    (tmp_path / "to" / "thesis.tex").write_text("the only copy")

    with pytest.raises(BadInput, match="/to is there already and is not empty; choose a new directory"):
        fetch_files(directory_store, manifest, tmp_path / "to")

    assert _files(tmp_path / "to") == ["thesis.tex"]


def test_a_part_that_is_not_there_is_named(directory_store: DirectoryStore, tmp_path: Path) -> None:
    manifest = _release(directory_store, tmp_path / "source")

    with pytest.raises(BadInput, match=r"qa 1 in .* has no files below figures/"):
        fetch_files(directory_store, manifest, tmp_path / "to", "figures/")


@pytest.mark.parametrize("content", ["abd", "abcd", "ab"])
def test_a_corrupted_blob_never_lands(directory_store: DirectoryStore, tmp_path: Path, content: str) -> None:
    manifest = _release(directory_store, tmp_path / "source")
    (Path(directory_store.uri) / "blobs/sha256" / ABC).write_text(content)

    with pytest.raises(BadInput) as raised:
        fetch_files(directory_store, manifest, tmp_path / "to")

    expected = f"blobs/sha256/{ABC} in {directory_store.uri} is corrupted; delete it, and make or publish it again"
    assert str(raised.value) == expected
    assert not (tmp_path / "to").exists()


def test_a_truncated_download_never_lands_and_the_next_call_continues(
    s3_store: S3Store, faults: Any, tmp_path: Path
) -> None:
    manifest = _release(s3_store, tmp_path / "source")
    faults.on("GetObject", faults.cut(500), *[faults.cut(0)] * 5)
    with pytest.raises(TryAgainLater, match="the answers break off at byte 500 of 2000"):
        fetch_files(s3_store, manifest, tmp_path / "to")
    assert not (tmp_path / "to").exists()
    faults.requests.clear()

    fetch_files(s3_store, manifest, tmp_path / "to")

    assert faults.headers("Range") == ["bytes=500-", None, None]
    assert _files(tmp_path / "to") == ["evaluation/examples.jsonl", "model.safetensors", "release.json"]
    assert not list(tmp_path.glob(".to*"))


def test_a_file_that_was_fetched_is_not_fetched_again(s3_store: S3Store, faults: Any, tmp_path: Path) -> None:
    manifest = _release(s3_store, tmp_path / "source")
    faults.on("GetObject", faults.nothing, *[faults.answer(503, "SlowDown")] * 5)
    with pytest.raises(TryAgainLater, match="overloaded"):
        fetch_files(s3_store, manifest, tmp_path / "to")
    faults.requests.clear()

    fetch_files(s3_store, manifest, tmp_path / "to")

    assert len(faults.requests) == 2  # the other file, and a signature that is not there


def test_a_full_disk_leaves_what_was_there(directory_store: DirectoryStore, tmp_path: Path) -> None:
    manifest = _release(directory_store, tmp_path / "source")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            fetch_files(directory_store, manifest, tmp_path / "to")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert not (tmp_path / "to").exists()

    fetch_files(directory_store, manifest, tmp_path / "to")

    verify_fetched(tmp_path / "to", manifest)


def test_what_another_version_left_does_not_land(directory_store: DirectoryStore, tmp_path: Path) -> None:
    manifest = _release(directory_store, tmp_path / "source")
    left = tmp_path / ".to.partial"
    (left / "model.safetensors").mkdir(parents=True)
    (left / "model.safetensors" / "shard").write_text("of a version with a folder of this name")
    (left / "pickle.bin").write_text("never listed")
    (left / "link").symlink_to("/etc/passwd")

    fetch_files(directory_store, manifest, tmp_path / "to")

    verify_fetched(tmp_path / "to", manifest)


def test_two_do_not_fetch_to_the_same_place(directory_store: DirectoryStore, tmp_path: Path) -> None:
    manifest = _release(directory_store, tmp_path / "source")
    (tmp_path / ".to.partial").mkdir()
    other = os.open(str(tmp_path / ".to.partial"), os.O_RDONLY)
    fcntl.flock(other, fcntl.LOCK_EX)

    with pytest.raises(
        LostRace, match=r"another process is fetching to .*/to; wait for it or choose another directory"
    ):
        fetch_files(directory_store, manifest, tmp_path / "to")

    os.close(other)


@pytest.mark.parametrize(
    "name", ["../outside", "/tmp/outside", "a/../../outside", "release.json", "model.safetensors/x"]
)
def test_a_manifest_with_an_unsafe_name_is_not_read(directory_store: DirectoryStore, tmp_path: Path, name: str) -> None:
    manifest = _release(directory_store, tmp_path / "source")
    forged = replace(manifest, files={**manifest.files, name: FileEntry(3, ABC)})
    (tmp_path / "to").mkdir()
    (tmp_path / "to" / "release.json").write_bytes(forged.to_bytes())

    with pytest.raises(BadInput, match=r"release.json is damaged: "):
        read_fetched(tmp_path / "to")


@pytest.mark.parametrize(
    ("damage", "line"),
    [
        (lambda directory: (directory / "model.safetensors").write_text("abd"), "model.safetensors is corrupted"),
        (lambda directory: (directory / "model.safetensors").unlink(), "model.safetensors is missing"),
        (lambda directory: (directory / "pickle.bin").write_text("x"), "pickle.bin is not part of qa 1; move it away"),
    ],
)
def test_a_changed_download_is_noticed(directory_store: DirectoryStore, tmp_path: Path, damage: Any, line: str) -> None:
    manifest = _release(directory_store, tmp_path / "source")
    fetch_files(directory_store, manifest, tmp_path / "to")
    damage(tmp_path / "to")

    with pytest.raises(BadInput, match=line):
        verify_fetched(tmp_path / "to", manifest)


def test_a_directory_that_was_never_fetched_is_no_release(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"holds no release: it has no release\.json"):
        read_fetched(tmp_path)


class Noisy(DirectoryStore):
    """A store on a line that flips a bit of what it brings, so many times."""

    def __init__(self, root: Path, flips: List[int]) -> None:
        super().__init__(root)
        self.flips = flips

    def download(self, key: str, path: Path, advance: Any) -> None:
        super().download(key, path, advance)
        if self.flips:
            content = bytearray(path.read_bytes())
            content[0] ^= self.flips.pop(0)
            path.write_bytes(bytes(content))


@pytest.mark.parametrize(
    ("flips", "error", "words"),
    [
        ([1, 1], BadInput, "is corrupted; delete it, and make or publish it again"),
        ([1, 2], TryAgainLater, "arrives damaged, each time in another way; try again later"),
    ],
)
def test_what_arrives_damaged_is_fetched_once_more_before_anything_is_said(
    tmp_path: Path, flips: List[int], error: Any, words: str
) -> None:
    store = Noisy(tmp_path / "store", [])
    manifest = _release(store, tmp_path / "source")

    store.flips = [*flips[:1]]
    fetch_files(store, manifest, tmp_path / "to")
    assert (tmp_path / "to/model.safetensors").read_text() == "abc"

    store.flips = [*flips]
    with pytest.raises(error, match=words):
        fetch_files(store, manifest, tmp_path / "again")
