from typing import Any, Dict, List

import pytest
from podtune.sections import Mistakes, read_section
from podtune.steps.fetch_model.settings import ModelSettings

REVISION = "0123456789abcdef0123456789abcdef01234567"
BERT = "hf://google-bert/bert-base-uncased"
DECODER = {"source": "s3://bucket/gpt2", "model": "a/gpt2", "licence": "mit"}


def _mistakes(**values: Any) -> List[str]:
    given: Dict[str, Any] = {"source": "model", "model": "a/b", "licence": "apache-2.0", **values}
    try:
        read_section(ModelSettings, given, "model")
    except Mistakes as mistakes:
        return mistakes.lines
    return []


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"source": "s3://bucket/model", "sha256": "0" * 64},
        {"source": BERT, "revision": REVISION},
        {"source": "sample://bert?seed=7&hidden=64&heads=4"},
        {"source": "sample://lxmert?hidden=64"},
        {"source": "sample://vit-gpt2"},
        {"decoder": DECODER},
        {"source": BERT, "revision": REVISION, "decoder": {**DECODER, "source": "hf://a/gpt2", "revision": REVISION}},
    ],
)
def test_models_that_can_be_read(values: Dict[str, Any]) -> None:
    assert _mistakes(**values) == []


@pytest.mark.parametrize(
    ("values", "mistake"),
    [
        ({"gigabytes": -0.5}, "gigabytes must be at least 0; got -0.5"),
        ({"licence": "Apache 2.0"}, "licence must be an SPDX identifier in lower case, or other; got 'Apache 2.0'"),
        ({"source": BERT}, "revision must be a commit of 40 hexadecimal digits for hf://; got ''"),
        ({"source": BERT, "revision": REVISION.upper()}, "revision must be a commit of 40 hexadecimal digits for"
            f" hf://; got '{REVISION.upper()}'"),
        ({"revision": REVISION}, f"revision must be left out unless the source is on hf://; got '{REVISION}'"),
        ({"sha256": "F" * 64}, f"sha256 must be 64 lower-case hexadecimal digits; got '{'F' * 64}'"),
        ({"source": "https://example.org/model"}, "source must be a path, s3://bucket/prefix, hf://owner/name or"
            " hf://datasets/owner/name or sample://…; got 'https://example.org/model'"),
        ({"source": "http://127.0.0.1/model"}, "source must be a path, s3://bucket/prefix, hf://owner/name or"
            " hf://datasets/owner/name or sample://…; got 'http://127.0.0.1/model'"),
        ({"source": "sample://gpt"}, "source must be one of sample://bert, sample://lxmert, sample://vit-gpt2; got"
            " 'sample://gpt'"),
        ({"source": "sample://bert", "decoder": DECODER}, "decoder must be left out for a sample, which is a whole"
            " model"),
        ({"decoder": {**DECODER, "source": "hf://a/gpt2"}}, "decoder.revision must be a commit of 40 hexadecimal"
            " digits for hf://; got ''"),
        ({"decoder": {**DECODER, "source": "sample://bert"}}, "decoder.source must be a path, s3://bucket/prefix or"
            " hf://owner/name or hf://datasets/owner/name; got 'sample://bert'"),
        ({"decoder": {**DECODER, "licence": "MIT"}}, "decoder.licence must be an SPDX identifier in lower case, or"
            " other; got 'MIT'"),
        ({"decoder": {"model": "a/gpt2", "licence": "mit"}}, "decoder.source is missing"),
        ({"source": "sample://lxmert?hidden=100&heads=3"}, "source must have a hidden that heads divide; got"
            " hidden=100, heads=3"),
        ({"source": "sample://bert?hidden=100&heads=3"}, "source must have a hidden that heads divide; got hidden=100,"
            " heads=3"),
    ],
)  # fmt: skip
def test_models_that_cannot_be_trusted_or_read(values: Dict[str, Any], mistake: str) -> None:
    assert _mistakes(**values) == [f"model.{mistake}"]


def test_every_mistake_is_reported_at_once() -> None:
    lines = _mistakes(source="ftp://example.org", licence="?", sha256="?", revision="main")

    assert [line.split()[0] for line in lines] == [
        "model.source",
        "model.licence",
        "model.revision",
        "model.sha256",
    ]
