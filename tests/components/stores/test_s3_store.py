from pathlib import Path
from typing import Any

import pytest
from podtune.errors import BadInput, TryAgainLater
from podtune.formats.sealed import entry_of
from podtune.stores.s3_store import S3Store


def test_a_create_whose_answer_was_lost_is_ours(s3_store: S3Store, faults: Any) -> None:
    s3_store.create("warm-up", b"")
    faults.on("PutObject", faults.lose_answer)

    assert s3_store.create("a", b"ours")

    assert len(faults.requests) == 2
    assert s3_store.read("a") == b"ours"


def test_a_create_that_failed_until_another_was_first_is_not_ours(s3_store: S3Store, faults: Any) -> None:
    s3_store.create("a", b"theirs")
    faults.on("PutObject", faults.answer(503, "SlowDown"))

    assert not s3_store.create("a", b"ours")


def test_a_write_of_which_every_answer_was_lost_is_ours(s3_store: S3Store, faults: Any) -> None:
    s3_store.create("warm-up", b"")
    faults.on("PutObject", *[faults.lose_answer] * 5)

    assert s3_store.create("a", b"ours")


def test_a_conflict_is_tried_again(s3_store: S3Store, faults: Any) -> None:
    s3_store.create("warm-up", b"")
    faults.on("PutObject", *[faults.answer(409, "ConditionalRequestConflict")] * 2)

    assert s3_store.create("a", b"ours")

    assert len(faults.requests) == 3


def test_an_endless_conflict_ends(s3_store: S3Store, faults: Any) -> None:
    s3_store.create("warm-up", b"")
    faults.on("PutObject", *[faults.answer(409, "ConditionalRequestConflict")] * 50)

    with pytest.raises(TryAgainLater) as raised:
        s3_store.create("a", b"ours")

    assert str(raised.value) == "cannot write s3://models/team/a: others keep writing it; try again later"
    assert len(faults.requests) == 5


def test_a_throttled_store_is_for_later(s3_store: S3Store, faults: Any) -> None:
    faults.on("GetObject", *[faults.answer(503, "SlowDown")] * 5)

    with pytest.raises(TryAgainLater) as raised:
        s3_store.read("a")

    expected = "cannot read s3://models/team/a: the store is overloaded or failing (SlowDown no); try again later"
    assert str(raised.value) == expected


def test_a_store_that_overwrites_is_refused(s3_store: S3Store, faults: Any) -> None:
    faults.on("PutObject", *[faults.ignore("If-None-Match")] * 10)

    with pytest.raises(BadInput, match=r"^s3://models/team ignores If-None-Match: .*; use a store that"):
        s3_store.create("a", b"ours")

    assert s3_store.read("a") is None


def test_a_store_that_does_not_implement_the_condition_is_refused(s3_store: S3Store, faults: Any) -> None:
    faults.on("PutObject", faults.answer(501, "NotImplemented"))

    with pytest.raises(BadInput, match="the store answers NotImplemented no"):
        s3_store.create("a", b"ours")


def test_a_small_object_that_breaks_off_is_read_again(s3_store: S3Store, faults: Any) -> None:
    s3_store.create("a", b"0123456789")
    faults.on("GetObject", faults.cut(4))

    assert s3_store.read("a") == b"0123456789"


def test_a_small_object_that_always_breaks_off_is_for_later(s3_store: S3Store, faults: Any) -> None:
    s3_store.create("a", b"0123456789")
    faults.on("GetObject", *[faults.cut(4)] * 9)

    with pytest.raises(TryAgainLater, match="cannot read s3://models/team/a: every answer breaks off"):
        s3_store.read("a")


def test_a_download_that_breaks_off_continues_where_it_did(s3_store: S3Store, faults: Any, tmp_path: Path) -> None:
    s3_store.create("a", b"0123456789")
    faults.on("GetObject", faults.cut(4), faults.cut(3))

    s3_store.download("a", tmp_path / "target")

    assert (tmp_path / "target").read_bytes() == b"0123456789"
    assert faults.headers("Range") == [None, "bytes=4-", "bytes=7-"]


def test_a_download_that_always_breaks_off_leaves_no_file(s3_store: S3Store, faults: Any, tmp_path: Path) -> None:
    s3_store.create("a", b"0123456789")
    faults.on("GetObject", faults.cut(4), *[faults.cut(0)] * 9)

    with pytest.raises(TryAgainLater, match="the answers break off at byte 4 of 10; try again later"):
        s3_store.download("a", tmp_path / "target")

    assert not (tmp_path / "target").exists()


def test_the_next_call_continues_an_interrupted_download(s3_store: S3Store, faults: Any, tmp_path: Path) -> None:
    s3_store.create("a", b"0123456789")
    faults.on("GetObject", faults.cut(6), *[faults.cut(0)] * 5)
    with pytest.raises(TryAgainLater):
        s3_store.download("a", tmp_path / "target")
    faults.requests.clear()

    s3_store.download("a", tmp_path / "target")

    assert (tmp_path / "target").read_bytes() == b"0123456789"
    assert faults.headers("Range") == ["bytes=6-"]
    assert [path.name for path in tmp_path.iterdir()] == ["target"]


def test_a_download_never_continues_with_another_object(s3_store: S3Store, faults: Any, tmp_path: Path) -> None:
    s3_store.create("a", b"0123456789")
    faults.on("GetObject", faults.cut(6), *[faults.cut(0)] * 5)
    with pytest.raises(TryAgainLater):
        s3_store.download("a", tmp_path / "target")
    s3_store._client.put_object(Bucket="models", Key="team/a", Body=b"abcdefghij")

    s3_store.download("a", tmp_path / "target")

    assert (tmp_path / "target").read_bytes() == b"abcdefghij"
    assert [path.name for path in tmp_path.iterdir()] == ["target"]


def test_an_object_replaced_during_its_download_is_noticed(s3_store: S3Store, faults: Any, tmp_path: Path) -> None:
    s3_store.create("a", b"0123456789")

    def replace(request: Any) -> Any:
        answer = faults.cut(4)(request)
        s3_store._client.put_object(Bucket="models", Key="team/a", Body=b"abcdefghij")
        return answer

    faults.on("GetObject", replace)

    with pytest.raises(TryAgainLater, match="s3://models/team/a was replaced while it was copied; start again"):
        s3_store.download("a", tmp_path / "target")

    assert not (tmp_path / "target").exists()


def test_a_store_that_ignores_ranges_is_read_from_the_start(s3_store: S3Store, faults: Any, tmp_path: Path) -> None:
    s3_store.create("a", b"0123456789")
    faults.on("GetObject", faults.cut(4), faults.ignore("Range"))

    s3_store.download("a", tmp_path / "target")

    assert (tmp_path / "target").read_bytes() == b"0123456789"


def test_what_does_not_fit_its_checksum_is_fetched_again(s3_store: S3Store, faults: Any, tmp_path: Path) -> None:
    s3_store.create("a", b"0123456789")
    faults.on("GetObject", faults.flip_bit, faults.nothing, faults.flip_bit)

    s3_store.download("a", tmp_path / "target")

    assert (tmp_path / "target").read_bytes() == b"0123456789"
    assert s3_store.read("a") == b"0123456789"
    assert len(faults.requests) == 4


def test_an_upload_that_arrived_short_is_for_later(s3_store: S3Store, tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(b"0123456789")
    real = s3_store._client.upload_fileobj

    def lose_half(stream: Any, *others: Any, **options: Any) -> None:
        stream.seek(5)
        real(stream, *others, **options)

    s3_store._client.upload_fileobj = lose_half

    with pytest.raises(TryAgainLater, match="s3://models/team/b holds 5 bytes after 10 were sent; start again"):
        s3_store.upload(tmp_path / "source", "b")


def test_a_large_file_goes_in_parts(s3_store: S3Store, faults: Any, tmp_path: Path) -> None:
    content = b"0123456789" * 1_000_000
    (tmp_path / "source").write_bytes(content)
    faults.on("UploadPart", faults.answer(503, "SlowDown"))

    s3_store.upload(tmp_path / "source", "b")

    assert len(faults.requests) == 3
    assert s3_store.read("b") == content


@pytest.mark.parametrize(("size", "reads"), [(8 << 20, 1), (20 << 20, 0)])
def test_a_large_copy_is_known_by_its_etag_and_a_small_one_is_read(
    s3_store: S3Store, faults: Any, tmp_path: Path, size: int, reads: int
) -> None:
    (tmp_path / "source").write_bytes(b"x" * size)
    s3_store.upload(tmp_path / "source", "b")
    faults.on("GetObject")

    assert s3_store.is_whole("b", entry_of(tmp_path / "source"), tmp_path / "source")

    assert len(faults.requests) == reads


def test_a_large_object_that_was_damaged_is_noticed(s3_store: S3Store, tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(b"x" * (20 << 20))
    entry = entry_of(tmp_path / "source")
    (tmp_path / "other").write_bytes(b"y" + b"x" * ((20 << 20) - 1))
    s3_store.upload(tmp_path / "other", "b")

    assert not s3_store.is_whole("b", entry, tmp_path / "source")
    assert not s3_store.is_whole("b", entry)
    assert not s3_store.is_whole("b", entry, tmp_path / "other")
    assert not s3_store.is_whole("absent", entry)


def test_a_large_object_of_another_client_is_read(s3_store: S3Store, faults: Any, tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(b"x" * (9 << 20))
    s3_store._client.put_object(Bucket="models", Key="team/b", Body=b"x" * (9 << 20))
    faults.on("GetObject", faults.cut(1000))

    assert s3_store.is_whole("b", entry_of(tmp_path / "source"), tmp_path / "source")

    assert len(faults.requests) == 2


def test_a_missing_bucket_is_named(s3_store: S3Store, tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(b"x")
    store = S3Store("absent", "team")

    for attempt in (
        lambda: store.read("a"),
        lambda: store.create("a", b""),
        lambda: store.upload(tmp_path / "source", "a"),
        lambda: list(store.keys("a")),
    ):
        with pytest.raises(BadInput, match=r"^cannot \w+ s3://absent/team/[\w-]+: there is no such bucket; create it"):
            attempt()


@pytest.mark.parametrize(
    ("status", "code", "line"),
    [
        (403, "AccessDenied", "access denied (AccessDenied no); these credentials need permission for it"),
        (403, "InvalidAccessKeyId", "the store does not accept the credentials (InvalidAccessKeyId no); renew them"),
        (400, "ExpiredToken", "the store does not accept the credentials (ExpiredToken no); renew them"),
        (400, "AuthorizationHeaderMalformed", "the store answers AuthorizationHeaderMalformed no; check its region"),
    ],
)
def test_a_refusal_is_bad_input(s3_store: S3Store, faults: Any, status: int, code: str, line: str) -> None:
    faults.on("GetObject", faults.answer(status, code))

    with pytest.raises(BadInput) as raised:
        s3_store.read("a")

    assert str(raised.value).startswith(f"cannot read s3://models/team/a: {line}")


def test_without_credentials_the_line_says_which_to_set(aws: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")

    with pytest.raises(BadInput) as raised:
        S3Store("models", "team").read("a")

    assert str(raised.value) == (
        "cannot read s3://models/team/a: no AWS credentials; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, "
        "or AWS_NO_SIGN_REQUEST=true for a public bucket"
    )


def test_an_unknown_profile_is_bad_input(aws: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "absent")

    with pytest.raises(BadInput, match=r"^cannot use s3://models/team: .*absent"):
        S3Store("models", "team")


def test_an_endpoint_that_is_no_url_is_bad_input(aws: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "s3.example.org")

    with pytest.raises(BadInput) as raised:
        S3Store("models", "team")

    assert str(raised.value) == (
        "the endpoint that AWS_ENDPOINT_URL_S3 or the profile gives must be a URL, such as https://s3.example.org"
    )


@pytest.mark.parametrize("endpoint", ["https://me:canary@s3.example.org", "me:canary@s3.example.org"])
def test_an_endpoint_with_a_password_is_refused_and_not_shown(
    aws: None, monkeypatch: pytest.MonkeyPatch, endpoint: str
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", endpoint)

    with pytest.raises(BadInput) as raised:
        S3Store("models", "team")

    assert "canary" not in str(raised.value)


@pytest.mark.local
def test_an_unreachable_endpoint_is_for_later(aws: None, at_once: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")

    with pytest.raises(TryAgainLater) as raised:
        S3Store("models", "team").read("a")

    assert str(raised.value) == (
        'cannot read s3://models/team/a: Could not connect to the endpoint URL: "http://127.0.0.1:9/models/team/a"; '
        "check AWS_ENDPOINT_URL_S3, or try again later"
    )
