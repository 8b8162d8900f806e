import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import List

import pytest
from podtune.errors import BadInput
from podtune.stores.directory_store import DirectoryStore
from podtune.stores.opening import open_store
from podtune.stores.s3_store import S3Store
from podtune.stores.store import Store


def test_what_was_created_is_read_back(store: Store) -> None:
    assert store.create("releases/qa/live/1.json", b"one")
    assert store.read("releases/qa/live/1.json") == b"one"


def test_what_is_not_there_is_none(store: Store) -> None:
    assert store.read("releases/qa/live/1.json") is None
    assert store.size("releases/qa/live/1.json") is None


def test_create_never_overwrites(store: Store) -> None:
    store.create("a", b"one")

    assert not store.create("a", b"two")
    assert not store.create("a", b"one")
    assert store.read("a") == b"one"


def test_deleting_what_is_not_there_is_nothing(store: Store) -> None:
    store.delete("a")

    assert store.read("a") is None


@pytest.mark.parametrize("content", [b"", b"x", bytes(range(256)) * 10_000])
def test_a_file_goes_up_and_comes_down(store: Store, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "source").write_bytes(content)
    sent: List[int] = []
    received: List[int] = []

    store.upload(tmp_path / "source", "blobs/b", sent.append)
    store.download("blobs/b", tmp_path / "to" / "target", received.append)

    assert (tmp_path / "to" / "target").read_bytes() == content
    assert [path.name for path in (tmp_path / "to").iterdir()] == ["target"]
    assert sum(sent) == sum(received) == len(content)


def test_an_upload_replaces(store: Store, tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(b"new")
    store.create("a", b"one, which is longer")

    store.upload(tmp_path / "source", "a")

    assert store.size("a") == 3


def test_downloading_what_is_not_there_names_it_and_leaves_nothing(store: Store, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"there is no blobs/absent in .*"):
        store.download("blobs/absent", tmp_path / "target")

    assert not list(tmp_path.glob("*target*"))


def test_keys_are_sorted_and_begin_with_the_prefix(store: Store) -> None:
    for key in (
        "releases/qa/live/1.json",
        "releases/qa-2/live/1.json",
        "blobs/1",
        "releases/qa/versions/1/m.json",
    ):
        store.create(key, b"")

    assert list(store.keys("releases/qa")) == [
        "releases/qa-2/live/1.json",
        "releases/qa/live/1.json",
        "releases/qa/versions/1/m.json",
    ]
    assert list(store.keys("blobs/")) == ["blobs/1"]
    assert list(store.keys("absent/")) == []


def test_of_eight_who_create_one_wins(exclusive_store: Store) -> None:
    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(lambda who: exclusive_store.create("race", b"%d" % who), range(8)))

    assert won.count(True) == 1
    assert exclusive_store.read("race") == b"%d" % won.index(True)


def test_a_path_or_a_file_uri_opens_a_directory(tmp_path: Path) -> None:
    assert isinstance(open_store(str(tmp_path / "models")), DirectoryStore)
    assert open_store((tmp_path / "my models").as_uri()).uri == str(tmp_path / "my models")
    assert not list(tmp_path.iterdir())


def test_an_s3_uri_opens_a_bucket(aws: None) -> None:
    found = open_store("s3://models/team/qa/")

    assert isinstance(found, S3Store)
    assert found.uri == "s3://models/team/qa"
    assert open_store("s3://models").uri == "s3://models"


@pytest.mark.parametrize(
    "uri",
    [
        "s3://canary@models",
        "s3://key:canary@models/qa",
        "s3://key:cana/ry@models",
        "https://me:canary@models",
        "s3://arn:canary/models",
        "s3://arn:aws:s3:us-west-2:1:accesspoint/podtune:canary@models",
    ],
)
def test_a_uri_with_a_password_is_refused_and_not_shown(uri: str) -> None:
    with pytest.raises(BadInput) as raised:
        open_store(uri)

    assert str(raised.value) == (
        "the URI of a store must not hold a user or password; give them by AWS_ACCESS_KEY_ID and "
        "AWS_SECRET_ACCESS_KEY, AWS_PROFILE or a pod's identity"
    )


@pytest.mark.parametrize(
    "uri",
    ["", "gs://models", "s3://", "http://host/models", "file://host/models", "s3:///models", "s3:/models", "S3:models"],
)
def test_another_uri_is_refused(uri: str) -> None:
    with pytest.raises(BadInput) as raised:
        open_store(uri)

    expected = f"a store must be a directory, file:///directory or s3://bucket/prefix; got {uri!r}"
    assert str(raised.value) == expected


@pytest.mark.parametrize("end", ["?endpoint=minio.example.org", "#x", "?"])
@pytest.mark.parametrize("start", ["s3://models/team", "s3://arn:aws:s3:us-west-2:1:accesspoint/podtune/team"])
def test_a_query_or_a_fragment_is_refused_and_not_dropped(start: str, end: str) -> None:
    with pytest.raises(BadInput) as raised:
        open_store(start + end)

    assert str(raised.value) == (
        "a store must be a directory, file:///directory or s3://bucket/prefix, without a query or fragment; "
        f"got one after {start!r}"
    )


@pytest.mark.parametrize("uri", ["a/\0", "s3://bucket/\ud800", "file:///a%00"])
def test_a_text_that_no_path_can_be_is_refused(uri: str) -> None:
    with pytest.raises(BadInput, match=r"^a store must be .*, without NUL and half characters; got "):
        open_store(uri)


def test_a_listing_has_sizes_and_times(store: Store) -> None:
    before = time.time()
    store.create("blobs/two", b"22")
    store.create("blobs/one", b"1")
    store.create("other", b"")

    found = list(store.listing("blobs/"))

    assert [(one.key, one.size) for one in found] == [("blobs/one", 1), ("blobs/two", 2)]
    assert all(before - 2 < one.modified < before + 60 for one in found)
