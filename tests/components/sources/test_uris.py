import pytest
from hypothesis import given
from hypothesis import strategies as st
from podtune.sources.uris import (
    FileLocation,
    file_location,
    file_uri,
    mistake_in_file,
    mistake_in_source,
    shown_location,
    without_secrets,
)

ALL = "https s3 hf sample"


@pytest.mark.parametrize(
    "uri",
    [
        "data/squad",
        "/data/squad",
        "../squad",
        "https://example.org/squad",
        "https://example.org",
        "http://127.0.0.1:8000/squad",
        "http://localhost/squad",
        "http://[::1]/squad",
        "s3://bucket",
        "s3://bucket/a/b",
        "hf://datasets/rajpurkar/squad",
        "hf://datasets/rajpurkar/squad/plain_text",
        "hf://google-bert/bert-base-uncased",
        "sample://squad?seed=1",
    ],
)
def test_places_that_are_allowed(uri: str) -> None:
    assert mistake_in_source(uri, ALL) is None


@pytest.mark.parametrize(
    ("uri", "mistake"),
    [
        ("ftp://example.org/squad", "must be a path, https://host/…, s3://bucket/prefix, hf://owner/name or"
            " hf://datasets/owner/name or sample://…; got 'ftp://example.org/squad'"),
        ("http://example.org/squad", "must be https://, because anybody may change what http:// brings;"
            " got 'http://example.org/squad'"),
        ("http://127.0.0.1.example.org/", "must be https://, because anybody may change what http:// brings;"
            " got 'http://127.0.0.1.example.org/'"),
        ("https://me:secret@example.org/squad?key=secret", "must not carry a user or password; got them before"
            " 'https://example.org/squad'"),
        ("https://example.org/squad?signature=secret", "must end before its query, which would be published with the"
            " model; set PODTUNE_SIGNED_URLS to the whole URL where the server needs it; got one after"
            " 'https://example.org/squad'"),
        ("http://localhost/squad#secret", "must end before its query, which would be published with the"
            " model; set PODTUNE_SIGNED_URLS to the whole URL where the server needs it; got one after"
            " 'http://localhost/squad'"),
        ("s3://key:sec/ret@bucket/a", "must not carry a user or password; got them before 's3://…'"),
        ("https:///squad", "must be https://host/…; got 'https:///squad'"),
        ("s3:///a", "must be s3://bucket/prefix; got 's3:///a'"),
        ("s3://bucket/a?versionId=1", "must be s3://bucket/prefix; got 's3://bucket/a'"),
        ("hf://datasets/squad", "must be hf://owner/name or hf://datasets/owner/name; got 'hf://datasets/squad'"),
        ("hf://squad", "must be hf://owner/name or hf://datasets/owner/name; got 'hf://squad'"),
    ],
)  # fmt: skip
def test_places_that_are_refused(uri: str, mistake: str) -> None:
    assert mistake_in_source(uri, ALL) == mistake


def test_nothing_is_no_place() -> None:
    assert mistake_in_source("", "s3") == "must be a path or s3://bucket/prefix; got ''"


@pytest.mark.parametrize("scheme", ["file", "hf", "data", "HTTPS"])
def test_only_listed_schemes_are_allowed(scheme: str) -> None:
    assert "must be a path, https://host/… or s3://bucket/prefix" in str(
        mistake_in_source(f"{scheme}://a/b", "https s3")
    )


@pytest.mark.parametrize(
    ("uri", "mistake"),
    [
        ("https://example.org/train.json", None),
        ("https://example.org/train.json?key=1", "must end before its query, which would be published with the"
            " model; set PODTUNE_SIGNED_URLS to the whole URL where the server needs it; got one after"
            " 'https://example.org/train.json'"),
        ("https://example.org", "must be a file in https://host/…; got 'https://example.org'"),
        ("https://example.org/a/", "must be a file in https://host/…; got 'https://example.org/a/'"),
        ("s3://bucket/train.json", None),
        ("s3://bucket", "must be a file in s3://bucket/prefix; got 's3://bucket'"),
        ("hf://datasets/a/b/train.json", None),
        ("hf://datasets/a/b", "must be a file in hf://owner/name or hf://datasets/owner/name;"
            " got 'hf://datasets/a/b'"),
        ("/data/train.json", None),
    ],
)  # fmt: skip
def test_a_files_own_place_names_a_file(uri: str, mistake: str) -> None:
    assert mistake_in_file(uri, ALL) == mistake


@pytest.mark.parametrize(
    ("uri", "source", "name"),
    [
        ("/data/squad/train.json", "/data/squad", "train.json"),
        ("/train.json", "/", "train.json"),
        ("s3://bucket/train.json", "s3://bucket", "train.json"),
        ("s3://bucket/a/train.json", "s3://bucket/a", "train.json"),
        ("hf://datasets/a/b/c/train.json", "hf://datasets/a/b/c", "train.json"),
        ("https://example.org/a/train.json", "https://example.org/a", "train.json"),
    ],
)
def test_a_files_place_is_divided(uri: str, source: str, name: str) -> None:
    assert file_location(uri) == (source, name)


@pytest.mark.parametrize(
    ("source", "name", "shown"),
    [
        ("data/squad/", "train.json", "data/squad/train.json"),
        ("/", "train.json", "/train.json"),
        ("https://me:secret@example.org/a?key=secret", "b/train.json", "https://example.org/a/b/train.json"),
        ("s3://bucket", "train.json", "s3://bucket/train.json"),
    ],
)
def test_a_file_is_shown_without_secrets(source: str, name: str, shown: str) -> None:
    assert shown_location(FileLocation(source, name)) == shown


def test_a_name_becomes_part_of_a_url() -> None:
    assert file_uri("https://example.org/a/", "b/train set.json") == "https://example.org/a/b/train%20set.json"


PATHS = st.lists(st.text("abc-_.%20", min_size=1), min_size=1).map("/".join)


@given(path=PATHS)
def test_a_files_url_survives_its_division(path: str) -> None:
    url = f"https://example.org/{path}"

    assert file_uri(*file_location(url)) == url


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("https://me:secret@example.org:8443/a?X-Amz-Signature=secret#secret", "https://example.org:8443/a"),
        ("s3://bucket/a", "s3://bucket/a"),
        ("s3://bucket/a@b:c", "s3://bucket/a@b:c"),
        ("s3://key:sec/ret@bucket/a", "s3://…"),
        ("/data?x", "/data?x"),
        ("sample://squad?seed=1", "sample://squad?seed=1"),
    ],
)
def test_secrets_are_not_shown(uri: str, shown: str) -> None:
    assert without_secrets(uri) == shown


@pytest.mark.parametrize("uri", ["https://[", "http://[::1", "hf://[", "s3://a]"])
def test_a_uri_that_cannot_be_split_is_refused_and_not_shown(uri: str) -> None:
    scheme = uri.partition("://")[0]

    assert str(mistake_in_source(uri, "https s3 hf")).startswith("is no URI: ")
    assert without_secrets(uri) == f"{scheme}://…"


@pytest.mark.parametrize("uri", ["data/\0", "https://host/\0", "s3://bucket/\ud800"])
def test_a_text_that_no_path_can_be_is_refused(uri: str) -> None:
    assert mistake_in_source(uri, "https s3 hf") == "must be without NUL and half characters"
