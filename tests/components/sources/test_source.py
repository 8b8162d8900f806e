from pathlib import Path
from typing import Any

import pytest
from podtune.errors import BadInput
from podtune.sources.checksums import Sum
from podtune.sources.source import DirectorySource, copy_folder, open_source


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "data" / "deep").mkdir(parents=True)
    (tmp_path / "data" / "b.json").write_text("b")
    (tmp_path / "data" / "a.json").write_text("a")
    (tmp_path / "data" / "deep" / "c.json").write_text("c")
    return tmp_path / "data"


def test_the_files_directly_in_it_are_listed(directory: Path) -> None:
    assert DirectorySource(str(directory)).names() == ["a.json", "b.json"]


def test_a_copy_does_not_change_with_its_source(directory: Path, tmp_path: Path) -> None:
    DirectorySource(str(directory)).bring("deep/c.json", tmp_path / "copy", None)
    (directory / "deep" / "c.json").write_text("other")

    assert (tmp_path / "copy").read_text() == "c"


def test_a_wrong_sum_is_refused(directory: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"data/a\.json has the SHA-256 ca978"):
        DirectorySource(str(directory)).bring("a.json", tmp_path / "copy", Sum("0" * 64, "the recipe"))


@pytest.mark.parametrize(
    ("name", "found"),
    [("missing.json", "does not exist or is no file"), ("deep", "is a folder; it should be a file")],
)
def test_what_is_no_file_is_refused(directory: Path, tmp_path: Path, name: str, found: str) -> None:
    with pytest.raises(BadInput, match=f"{directory}/{name} {found}$"):
        DirectorySource(str(directory)).bring(name, tmp_path / "copy", None)


def test_a_directory_must_be_there(directory: Path) -> None:
    with pytest.raises(BadInput, match="/nowhere does not exist; it should be a directory"):
        DirectorySource(f"{directory}/nowhere")
    with pytest.raises(BadInput, match=r"/a\.json is a file; it should be a directory"):
        DirectorySource(f"{directory}/a.json")


def test_a_folder_is_copied_with_those_in_it(directory: Path, tmp_path: Path) -> None:
    (directory / "link.json").symlink_to(directory / "deep" / "c.json")

    assert copy_folder(directory, tmp_path / "copy") == 4

    copied = sorted(path for path in (tmp_path / "copy").rglob("*") if path.is_file())
    assert [path.relative_to(tmp_path / "copy").as_posix() for path in copied] == [
        "a.json",
        "b.json",
        "deep/c.json",
        "link.json",
    ]
    assert not (tmp_path / "copy" / "link.json").is_symlink()


def test_a_folder_may_itself_be_linked_to(directory: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").symlink_to(directory)

    assert copy_folder(tmp_path / "elsewhere", tmp_path / "copy") == 3


@pytest.mark.parametrize("target", ["../secret", "/etc/hostname", "nowhere", "deep", ".."])
def test_a_link_that_leads_out_of_a_folder_is_refused(directory: Path, tmp_path: Path, target: str) -> None:
    (tmp_path / "secret").write_text("secret")
    (directory / "link").symlink_to(target)

    with pytest.raises(BadInput) as failure:
        copy_folder(directory, tmp_path / "copy")

    assert str(failure.value) == (
        f"{directory}/link is no file of {directory}, or leads out of it; put the file itself there"
    )
    assert not (tmp_path / "copy" / "link").exists()


def test_the_objects_directly_below_a_prefix_are_listed(bucket: Any) -> None:
    for key in ("squad/b.json", "squad/a.json", "squad/deep/c.json", "other.json"):
        bucket(key, b"x")

    assert open_source("s3://inputs/squad").names() == ["a.json", "b.json"]


def test_an_object_is_brought_and_not_kept_in_the_cache(bucket: Any, fetching: Path, tmp_path: Path) -> None:
    bucket("squad/deep/train.json", b"hello")

    open_source("s3://inputs/squad").bring("deep/train.json", tmp_path / "train.json", None)

    assert (tmp_path / "train.json").read_bytes() == b"hello"
    assert [path for path in fetching.rglob("*") if path.is_file()] == []


def test_an_object_with_a_wrong_sum_is_refused(bucket: Any, tmp_path: Path) -> None:
    bucket("squad/train.json", b"hello")

    with pytest.raises(BadInput, match=r"s3://inputs/squad/train\.json has the SHA-256 2cf24d.*; the recipe says 000"):
        open_source("s3://inputs/squad").bring("train.json", tmp_path / "train.json", Sum("0" * 64, "the recipe"))


def test_a_missing_object_is_named(bucket: Any, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"there is no train\.json in s3://inputs/squad"):
        open_source("s3://inputs/squad").bring("train.json", tmp_path / "train.json", None)


def test_a_missing_bucket_is_named(bucket: Any) -> None:
    with pytest.raises(BadInput, match=r"s3://nowhere.*there is no such bucket"):
        open_source("s3://nowhere/squad").names()
