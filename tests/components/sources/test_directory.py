from pathlib import Path

import pytest
from podtune.errors import BadInput
from podtune.sources.checksums import Sum
from podtune.sources.directory import DirectorySource


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


@pytest.mark.parametrize("name", ["missing.json", "deep"])
def test_what_is_no_file_is_refused(directory: Path, tmp_path: Path, name: str) -> None:
    with pytest.raises(BadInput, match=f"{directory}/{name} does not exist or is no file"):
        DirectorySource(str(directory)).bring(name, tmp_path / "copy", None)


def test_a_directory_must_be_there(directory: Path) -> None:
    with pytest.raises(BadInput, match="/nowhere does not exist; it should be a directory"):
        DirectorySource(f"{directory}/nowhere")
    with pytest.raises(BadInput, match=r"/a\.json is a file; it should be a directory"):
        DirectorySource(f"{directory}/a.json")
