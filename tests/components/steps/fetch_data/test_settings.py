from typing import Any, Dict, List

import pytest
from podtune.sections import Mistakes, read_section
from podtune.steps.fetch_data.settings import SourceSettings

REVISION = "0123456789abcdef0123456789abcdef01234567"
SHA256 = "0" * 64


def _mistakes(**values: Any) -> List[str]:
    given: Dict[str, Any] = {"data": "data", "dataset": "rajpurkar/squad", "licence": "cc-by-sa-4.0", **values}
    try:
        read_section(SourceSettings, given, "source")
    except Mistakes as mistakes:
        return mistakes.lines
    return []


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"licence": "other"},
        {"data": "s3://bucket/squad", "sha256": {"train": SHA256}},
        {"data": "https://example.org/squad", "sha256": {"train": SHA256, "validation": SHA256}},
        {"data": "hf://datasets/rajpurkar/squad", "revision": REVISION},
        {"data": "sample://squad?seed=7&version=2.0"},
        {"splits": {"train": "a/train.json", "validation": "/elsewhere/dev.json", "test": "s3://bucket/test.json"}},
        {"data": "sample://vqa?train=40"},
        {"data": "sample://gqa", "sha256": {"train.questions": SHA256}},
        {"data": "sample://captions?seed=2"},
        {
            "splits": {"train": ["a/", "b/*.json", "/c/d/", "s3://bucket/e/"], "validation": "hf://datasets/a/b/c/"},
            "revision": REVISION,
        },
        {"splits": {"train": ["a", "b"], "validation": "b"}, "sha256": {"train": [SHA256, SHA256]}},
        {"splits": {"train.captions": "a.json", "train.images": "train", "validation.captions": "b.json"}},
        {"splits": {"train": "train.json", "validation": "hf://datasets/a/b/dev.parquet"}, "revision": REVISION},
    ],
)
def test_sources_that_can_be_read(values: Dict[str, Any]) -> None:
    assert _mistakes(**values) == []


@pytest.mark.parametrize(
    ("values", "mistake"),
    [
        ({"gigabytes": -1.0}, "source.gigabytes must be at least 0; got -1.0"),
        ({"licence": "CC-BY-SA-4.0"}, "source.licence must be an SPDX identifier in lower case, or other;"
            " got 'CC-BY-SA-4.0'"),
        ({"data": "hf://datasets/rajpurkar/squad"}, "source.revision must be a commit of 40 hexadecimal digits for"
            " hf://; got ''"),
        ({"data": "hf://datasets/rajpurkar/squad", "revision": "main"}, "source.revision must be a commit of 40"
            " hexadecimal digits for hf://; got 'main'"),
        ({"revision": REVISION}, f"source.revision must be left out unless the source is on hf://; got '{REVISION}'"),
        ({"data": "https://example.org", "sha256": {"train": SHA256}}, "source.sha256.validation must be given: what"
            " the web serves may change"),
        ({"sha256": {"train": "abc"}}, "source.sha256.train must be 64 lower-case hexadecimal digits; got 'abc'"),
        ({"sha256": {"test": SHA256}}, "source.sha256.test must belong to one of the splits train, validation"),
        ({"splits": {"train": "train.json"}}, "source.splits must name the file of validation; got train"),
        ({"splits": {"train": "train.json", "validation": "../dev.json"}}, "source.splits.validation must be a plain"
            " path below data; got '../dev.json'"),
        ({"splits": {"train": "./a//train.json", "validation": "dev.json"}}, "source.splits.train must be a plain path"
            " below data; got './a//train.json'"),
        ({"splits": {"train": "", "validation": "dev.json"}}, "source.splits.train must be a plain path below data;"
            " got ''"),
        ({"splits": {"train": "a", "validation": "b", "../test": "c"}}, "source.splits must be called <split> or"
            " <split>.<role>, in lower-case letters, digits, _ and -; got '../test'"),
        ({"splits": {"train": "a", "validation": "ftp://b/c"}}, "source.splits.validation must be a path,"
            " https://host/…, s3://bucket/prefix or hf://owner/name or hf://datasets/owner/name; got 'ftp://b/c'"),
        ({"data": "sample://squad?sed=1"}, "source.data must be sample://squad?seed=1&train=4000&validation=500"
            "&version=1.1 with any of these keys once; got 'sample://squad?sed=1'"),
        ({"splits": {"train": "a", "validation": "b", "test.a.b": "c"}}, "source.splits must be called <split> or"
            " <split>.<role>, in lower-case letters, digits, _ and -; got 'test.a.b'"),
        ({"splits": {"train.questions": "a", "validation.": "b"}}, "source.splits must be called <split> or"
            " <split>.<role>, in lower-case letters, digits, _ and -; got 'validation.'"),
        ({"splits": {"train.questions": "a", "train.features": "b"}}, "source.splits must name the file of validation;"
            " got train.questions, train.features"),
        ({"data": "sample://coco"}, "source.data must be one of sample://squad, sample://vqa, sample://gqa,"
            " sample://captions; got 'sample://coco'"),
        ({"data": "sample://vqa?version=2.0"}, "source.data must be sample://vqa?seed=1&train=2000&validation=300 with"
            " any of these keys once; got 'sample://vqa?version=2.0'"),
        ({"data": "sample://squad?version=3"}, "source.data must have 1.1 or 2.0 for version;"
            " got '3'"),
        ({"splits": {"train": ["a", "a"], "validation": "b"}}, "source.splits.train must name each file once; got 'a' 2"
            " times"),
        ({"splits": {"train": [], "validation": "b"}}, "source.splits.train must name a file; got an empty list"),
        ({"splits": {"train": ["a", "../b"], "validation": "b"}}, "source.splits.train[1] must be a plain path below"
            " data; got '../b'"),
        ({"splits": {"train.answers": ["a", "b"], "validation": "b"}}, "source.splits.train.answers must be one file;"
            " got 2"),
        ({"splits": {"train": ["a", "b"], "validation": "b"}, "sha256": {"train": SHA256}}, "source.sha256.train must"
            " be 2, one for each file of splits.train; got 1"),
        ({"data": "sample://squad", "splits": {"train": "a", "validation": "b"}}, "source.splits must be left out for"
            " a sample, which names its files itself; got {'train': 'a', 'validation': 'b'}"),
    ],
)  # fmt: skip
def test_sources_that_cannot_be_trusted_or_read(values: Dict[str, Any], mistake: str) -> None:
    assert _mistakes(**values) == [mistake]


def test_every_mistake_is_reported_at_once() -> None:
    lines = _mistakes(data="ftp://example.org", licence="?", revision="main", splits={"train": ".."})

    assert [line.split()[0] for line in lines] == [
        "source.data",
        "source.licence",
        "source.revision",
        "source.splits",
        "source.splits.train",
    ]


def test_a_secret_is_not_repeated() -> None:
    (line, *_) = _mistakes(data="https://me:secret@example.org/?key=secret")

    assert "secret" not in line


def test_a_split_with_several_files_is_one_split() -> None:
    files = {"train.questions": "a", "train.features": "b", "validation": "c"}
    settings = SourceSettings("data", "a/b", "mit", splits=files)

    assert settings.split_names == ("train", "validation")
