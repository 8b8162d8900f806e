from pathlib import Path
from typing import Any, List

import pytest
from podtune.errors import BadInput
from podtune.sources.checksums import Sum
from podtune.sources.source import DirectorySource, files_below, open_source


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


def test_a_folder_has_the_files_below_it_also_behind_links(directory: Path) -> None:
    (directory / "link.json").symlink_to(directory / "deep" / "c.json")
    (directory / "same").symlink_to("deep")

    assert list(files_below(directory, directory)) == ["a.json", "b.json", "deep/c.json", "link.json", "same/c.json"]


def test_a_linked_file_is_copied_and_not_its_link(directory: Path, tmp_path: Path) -> None:
    (directory / "link.json").symlink_to(directory / "deep" / "c.json")

    DirectorySource(str(directory)).bring("link.json", tmp_path / "copy", None)

    assert not (tmp_path / "copy").is_symlink()
    assert (tmp_path / "copy").read_text() == "c"


def test_a_folder_may_itself_be_linked_to(directory: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").symlink_to(directory)

    assert list(files_below(tmp_path / "elsewhere", tmp_path / "elsewhere")) == ["a.json", "b.json", "deep/c.json"]


def test_a_link_may_lead_out_of_a_folder_but_not_of_the_source(directory: Path) -> None:
    (directory / "deep" / "link.json").symlink_to("../a.json")

    assert DirectorySource(str(directory)).listed("deep/") == ["deep/c.json", "deep/link.json"]


@pytest.mark.parametrize("target", ["../secret", "/etc", "/etc/hostname", "nowhere"])
def test_a_link_that_leads_out_of_a_folder_is_refused(directory: Path, tmp_path: Path, target: str) -> None:
    (tmp_path / "secret").write_text("secret")
    (directory / "link").symlink_to(target)

    with pytest.raises(BadInput) as failure:
        list(files_below(directory, directory))

    assert str(failure.value) == (
        f"{directory}/link is a link that leads nowhere or out of {directory}; put the file itself there"
    )


@pytest.mark.parametrize(("link", "target"), [("round", "."), ("deep/round", ".."), ("deep/round", "../deep")])
def test_a_link_that_leads_round_in_a_circle_is_refused(directory: Path, link: str, target: str) -> None:
    (directory / link).symlink_to(target)

    with pytest.raises(BadInput, match=r"round is a link to a folder that it lies in; remove it$"):
        list(files_below(directory, directory))


def test_links_that_lead_to_each_other_are_refused(directory: Path) -> None:
    (directory / "other").mkdir()
    (directory / "other" / "one").symlink_to("../deep")
    (directory / "deep" / "two").symlink_to("../other")

    with pytest.raises(BadInput, match=r"deep/two/one is a link to a folder that it lies in; remove it$"):
        list(files_below(directory, directory))


@pytest.mark.parametrize(
    ("prefix", "names"),
    [("", ["a.json", "b.json", "deep/c.json"]), ("deep/", ["deep/c.json"]), ("deep/c", ["deep/c.json"]), ("x/", [])],
)
def test_files_are_listed_by_how_their_names_begin(directory: Path, bucket: Any, prefix: str, names: List[str]) -> None:
    for name in ("a.json", "b.json", "deep/c.json"):
        bucket(f"squad/{name}", b"x")
    bucket("squad/deep/", b"")

    assert DirectorySource(str(directory)).listed(prefix) == names
    assert open_source("s3://inputs/squad").listed(prefix) == names


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
