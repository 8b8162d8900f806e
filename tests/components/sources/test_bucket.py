from pathlib import Path
from typing import Any

import pytest
from podtune.errors import BadInput
from podtune.sources.checksums import Sum
from podtune.sources.source import open_source


def test_the_objects_directly_below_a_prefix_are_listed(bucket: Any) -> None:
    for key in ("squad/b.json", "squad/a.json", "squad/deep/c.json", "other.json"):
        bucket(key, b"x")

    assert open_source("s3://inputs/squad").names() == ["a.json", "b.json"]


def test_an_object_is_brought_and_not_kept_in_the_cache(bucket: Any, fetching: Path, tmp_path: Path) -> None:
    bucket("squad/deep/train.json", b"hello")

    open_source("s3://inputs/squad").bring("deep/train.json", tmp_path / "train.json", None)

    assert (tmp_path / "train.json").read_bytes() == b"hello"
    assert [path for path in fetching.rglob("*") if path.is_file()] == []


def test_a_wrong_sum_is_refused(bucket: Any, tmp_path: Path) -> None:
    bucket("squad/train.json", b"hello")

    with pytest.raises(BadInput, match=r"s3://inputs/squad/train\.json has the SHA-256 2cf24d.*; the recipe says 000"):
        open_source("s3://inputs/squad").bring("train.json", tmp_path / "train.json", Sum("0" * 64, "the recipe"))


def test_a_missing_object_is_named(bucket: Any, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"there is no train\.json in s3://inputs/squad"):
        open_source("s3://inputs/squad").bring("train.json", tmp_path / "train.json", None)


def test_a_missing_bucket_is_named(bucket: Any) -> None:
    with pytest.raises(BadInput, match=r"s3://nowhere.*there is no such bucket"):
        open_source("s3://nowhere/squad").names()
