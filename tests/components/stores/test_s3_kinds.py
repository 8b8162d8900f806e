"""What stores answer that are not AWS's, and what stands before them."""

import time
from pathlib import Path
from typing import Any

import pytest
from podtune.errors import BadInput, TryAgainLater
from podtune.formats.sealed import sealing
from podtune.stores.releases import names
from podtune.stores.s3_store import S3Store
from podtune.training.resume import Mirror

LARGE = b"0123456789" * 1_000_000


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """A file that goes in two parts."""
    (tmp_path / "large").write_bytes(LARGE)
    return tmp_path / "large"


def put(store: S3Store, key: str, body: bytes) -> None:
    store._client.put_object(Bucket="models", Key=key, Body=body)


def test_an_upload_in_parts_whose_answer_was_lost_has_arrived(s3_store: S3Store, faults: Any, large: Path) -> None:
    faults.on("CompleteMultipartUpload", faults.lose_answer)  # moto answers the second one with NoSuchUpload

    s3_store.upload(large, "b")

    assert len(faults.requests) == 2
    assert s3_store.read("b") == LARGE


def test_an_upload_whose_every_answer_was_lost_has_arrived(s3_store: S3Store, faults: Any, tmp_path: Path) -> None:
    (tmp_path / "small").write_bytes(b"small")
    faults.on("PutObject", *[faults.lose_answer] * 5)

    s3_store.upload(tmp_path / "small", "b")

    assert s3_store.read("b") == b"small"


@pytest.mark.parametrize("code", ["NoSuchUpload", "InternalError"])
def test_an_upload_that_did_not_arrive_is_for_later(s3_store: S3Store, faults: Any, large: Path, code: str) -> None:
    put(s3_store, "team/b", b"x" * len(LARGE))
    faults.on("CompleteMultipartUpload", *[faults.answer(404 if code == "NoSuchUpload" else 500, code)] * 5)

    with pytest.raises(TryAgainLater, match=f"cannot write s3://models/team/b: .*{code}"):
        s3_store.upload(large, "b")

    assert s3_store.read("b") == b"x" * len(LARGE)


def test_a_part_without_an_etag_is_bad_input(s3_store: S3Store, faults: Any, large: Path) -> None:
    faults.on("UploadPart", *[faults.without("etag")] * 2)

    with pytest.raises(BadInput, match=r"^cannot write s3://models/team/b: an answer came without 'ETag'; have what"):
        s3_store.upload(large, "b")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("operation", ["HeadObject", "GetObject", "PutObject", "ListObjectsV2"])
def test_an_endpoint_that_redirects_is_named(
    s3_store: S3Store, faults: Any, tmp_path: Path, status: int, operation: str
) -> None:
    (tmp_path / "source").write_bytes(b"x")
    redirect = faults.answer(status, location="https://me:canary@s3.example.org/models/team/a?secret=canary")
    faults.on(operation, redirect)
    faults.on("HeadBucket", redirect)  # by which botocore would ask for the region

    with pytest.raises(BadInput) as raised:
        {
            "HeadObject": lambda: s3_store.size("a"),
            "GetObject": lambda: s3_store.read("a"),
            "PutObject": lambda: s3_store.upload(tmp_path / "source", "a"),
            "ListObjectsV2": lambda: list(s3_store.keys("")),
        }[operation]()

    assert str(raised.value) == (
        "the endpoint https://s3.amazonaws.com redirects to https://s3.example.org; "
        "if that is the store, set AWS_ENDPOINT_URL_S3 to https://s3.example.org"
    )


@pytest.mark.parametrize(
    ("code", "headers"), [("", {"x_amz_bucket_region": "us-west-2"}), ("TemporaryRedirect", {}), ("Redirect", {})]
)
def test_a_redirect_of_s3_itself_is_followed(s3_store: S3Store, faults: Any, code: str, headers: Any) -> None:
    s3_store.create("a", b"0123456789")
    faults.on("GetObject", faults.answer(307, code, location="https://models.s3.us-west-2.amazonaws.com/a", **headers))

    assert s3_store.read("a") == b"0123456789"

    assert len(faults.requests) == 2


def test_folders_that_are_objects_are_none(s3_store: S3Store, tmp_path: Path) -> None:
    for key in ("team/", "team/releases/", "team/releases/qa/", "team/run/", "team/run/step-00000005/"):
        put(s3_store, key, b"")
    s3_store.create("releases/qa/live/1.json", b"")
    with sealing(tmp_path / "step-10", "training-state", 1) as draft:
        (draft.path / "weights").write_text("w")
    mirror = Mirror(s3_store, "run")

    mirror.hold({10: tmp_path / "step-10"})

    assert mirror.steps() == [10]
    assert names(s3_store) == ["qa"]
    assert list(s3_store.keys("releases/")) == ["releases/qa/live/1.json"]


@pytest.mark.parametrize(
    ("code", "line"),
    [
        ("SignatureDoesNotMatch", "the store does not accept the credentials (SignatureDoesNotMatch no); renew them"),
        ("ExpiredToken", "the store does not accept the credentials (ExpiredToken no); renew them"),
        ("RequestTimeTooSkewed", "this machine's clock differs from the store's (RequestTimeTooSkewed no); set the"),
        ("InvalidObjectState", "the object is archived (InvalidObjectState no); restore it first"),
        ("AccessDenied", "access denied (AccessDenied no); these credentials need permission for it"),
    ],
)
def test_why_head_is_refused_is_asked_by_get(s3_store: S3Store, faults: Any, code: str, line: str) -> None:
    status = 400 if code == "ExpiredToken" else 403
    faults.on("HeadObject", *[faults.answer(status)] * 2)
    faults.on("GetObject", faults.answer(status, code))

    with pytest.raises(BadInput) as raised:
        s3_store.size("a")

    assert str(raised.value).startswith(f"cannot read s3://models/team/a: {line}")


def test_where_head_alone_is_refused_get_tells_the_size(s3_store: S3Store, faults: Any, tmp_path: Path) -> None:
    s3_store.create("a", b"0123456789")
    s3_store.create("empty", b"")
    faults.on("HeadObject", *[faults.answer(403)] * 4)

    assert s3_store.size("a") == 10
    assert s3_store.size("empty") == 0
    assert s3_store.size("absent") is None
    s3_store.download("a", tmp_path / "target")
    assert (tmp_path / "target").read_bytes() == b"0123456789"


@pytest.mark.parametrize(
    ("status", "code", "message", "kind", "line"),
    [
        (403, "QuotaExceeded", "", TryAgainLater, "the quota is used up (QuotaExceeded); free some of it and start"),
        (400, "KMS.DisabledException", "off", BadInput, "the key that encrypts cannot be used (KMS.DisabledException"),
        (
            400,
            "InvalidRequest",
            "Content-MD5 OR x-amz-checksum- HTTP header is required",
            BadInput,
            "the store wants a checksum (InvalidRequest Content-MD5 OR x-amz-checksum- HTTP header is required); "
            "set AWS_REQUEST_CHECKSUM_CALCULATION=when_supported",
        ),
        (
            403,
            "AccessDenied",
            "with an explicit deny in a resource-based policy",
            BadInput,
            "a policy denies it (AccessDenied with an explicit deny in a resource-based policy); where that demands "
            "encryption, set AWS_SERVER_SIDE_ENCRYPTION",
        ),
    ],
)
def test_a_refused_write_says_what_helps(
    s3_store: S3Store, faults: Any, tmp_path: Path, status: int, code: str, message: str, kind: Any, line: str
) -> None:
    (tmp_path / "source").write_bytes(b"x")
    faults.on("PutObject", faults.answer(status, code, message))

    with pytest.raises(kind) as raised:
        s3_store.upload(tmp_path / "source", "a")

    assert str(raised.value).startswith(f"cannot write s3://models/team/a: {line}")


def test_an_answer_without_a_length_is_asked_for_it_otherwise(s3_store: S3Store, faults: Any, tmp_path: Path) -> None:
    s3_store.create("a", b"0123456789")
    faults.on("HeadObject", *[faults.without("content-length")] * 3)
    faults.on("GetObject", faults.nothing, *[faults.without("content-length", "content-range")] * 3)

    assert s3_store.size("a") == 10
    assert s3_store.size("a") == 10  # by the listing
    s3_store.download("a", tmp_path / "target")

    assert (tmp_path / "target").read_bytes() == b"0123456789"


def test_an_object_of_which_nothing_says_the_length_is_bad_input(s3_store: S3Store, faults: Any) -> None:
    s3_store.create("a", b"0123456789")
    faults.on("HeadObject", faults.without("content-length"))
    faults.on("GetObject", faults.without("content-length", "content-range"))
    faults.on("ListObjectsV2", faults.page("team/ab", truncated=False))

    with pytest.raises(BadInput, match=r"^cannot read s3://models/team/a: no answer says how large it is; have what"):
        s3_store.size("a")


def test_without_an_etag_a_download_begins_anew(s3_store: S3Store, faults: Any, tmp_path: Path) -> None:
    s3_store.create("a", b"0123456789")
    received: "list[int]" = []
    faults.on("HeadObject", faults.without("etag"))
    faults.on("GetObject", faults.cut(4), faults.cut(7))

    s3_store.download("a", tmp_path / "target", received.append)

    assert (tmp_path / "target").read_bytes() == b"0123456789"
    assert faults.headers("Range")[1:] == [None, None, None]
    assert sum(received) == 10


def test_without_an_etag_a_download_that_always_breaks_off_ends(s3_store: S3Store, faults: Any, tmp_path: Path) -> None:
    s3_store.create("a", b"0123456789")
    faults.on("HeadObject", faults.without("etag"))
    faults.on("GetObject", *[faults.cut(4)] * 9)

    with pytest.raises(TryAgainLater, match="the answers break off at byte 4 of 10; try again later"):
        s3_store.download("a", tmp_path / "target")


def test_a_weak_etag_is_compared_and_no_condition(s3_store: S3Store, faults: Any, tmp_path: Path) -> None:
    s3_store.create("a", b"0123456789")
    faults.on("HeadObject", faults.without(weak=True))
    faults.on("GetObject", faults.cut(4), faults.without(weak=True))

    s3_store.download("a", tmp_path / "target")

    assert (tmp_path / "target").read_bytes() == b"0123456789"
    assert faults.headers("If-Match") == [None, None, None]
    assert faults.headers("Range") == [None, None, "bytes=4-"]


def test_what_a_weak_etag_names_may_be_replaced(s3_store: S3Store, faults: Any, tmp_path: Path) -> None:
    s3_store.create("a", b"0123456789")

    def replace(request: Any) -> Any:
        put(s3_store, "team/a", b"abcdefghij")
        return faults.without(weak=True)(request)

    faults.on("HeadObject", faults.without(weak=True))
    faults.on("GetObject", replace)

    with pytest.raises(TryAgainLater, match="s3://models/team/a was replaced while it was copied; start again"):
        s3_store.download("a", tmp_path / "target")


def test_a_page_that_names_no_next_one_is_followed_by_its_last_key(s3_store: S3Store, faults: Any) -> None:
    for key in "abcd":
        s3_store.create(key, b"1")
    faults.on("ListObjectsV2", faults.page("team/a", "team/b", truncated=True))

    assert list(s3_store.keys("")) == ["a", "b", "c", "conditional-writes", "d"]


def test_a_listing_without_an_end_is_bad_input(s3_store: S3Store, faults: Any) -> None:
    for operation in ("ListObjectsV2", "ListObjects"):
        faults.on(operation, *[faults.page("team/a", truncated=True)] * 3)

    with pytest.raises(BadInput) as raised:
        list(s3_store.keys(""))

    assert str(raised.value) == (
        "cannot list s3://models/team/: the store's listing comes back to where it was, and so has no end; "
        "use another store"
    )


def test_what_comes_without_a_time_counts_as_new(s3_store: S3Store, faults: Any) -> None:
    before = time.time()
    faults.on("ListObjectsV2", faults.page("team/a", truncated=False))

    (found,) = s3_store.listing("")

    assert found.modified >= before


def _ask(store: S3Store, operation: str, source: Path) -> Any:
    source.write_bytes(b"x")
    return {
        "HeadObject": lambda: store.size("a"),
        "GetObject": lambda: store.read("a"),
        "PutObject": lambda: store.upload(source, "a"),
        "ListObjectsV2": lambda: list(store.keys("")),
        "DeleteObject": lambda: store.delete("a"),
    }[operation]()


@pytest.mark.parametrize(
    ("operation", "status", "kind", "answer"),
    [
        ("ListObjectsV2", 200, "text/html; charset=utf-8", "a web page (HTTP 200)"),
        ("ListObjectsV2", 404, "text/html", "a web page (HTTP 404)"),
        ("PutObject", 403, "text/html", "a web page (HTTP 403)"),
        ("PutObject", 200, "text/html", "a web page (HTTP 200)"),
        ("DeleteObject", 200, "text/html", "a web page (HTTP 200)"),
        ("GetObject", 200, "text/html", "a web page (HTTP 200)"),
        ("HeadObject", 200, "text/html", "a web page (HTTP 200)"),
        ("GetObject", 404, "text/plain", "text/plain (HTTP 404)"),
        ("ListObjectsV2", 403, "", "text (HTTP 403)"),
    ],
)
def test_an_endpoint_that_is_no_store_is_named(
    s3_store: S3Store, faults: Any, tmp_path: Path, operation: str, status: int, kind: str, answer: str
) -> None:
    body = "\n<!DOCTYPE html><html><body>Log in</body></html>" if "html" in kind else "404 page not found"
    faults.on(operation, *[faults.text(status, body, content_type=kind)] * 5)

    with pytest.raises(BadInput) as raised:
        _ask(s3_store, operation, tmp_path / "source")

    assert str(raised.value) == (
        f"the endpoint https://s3.amazonaws.com answers with {answer} instead of S3's XML; set AWS_ENDPOINT_URL_S3 to "
        "the store's S3 API, which often has another host or port than its web pages"
    )


def test_a_gateways_page_about_a_store_that_is_away_is_for_later(s3_store: S3Store, faults: Any) -> None:
    faults.on("ListObjectsV2", *[faults.text(503, "<html>Service Unavailable</html>", content_type="text/html")] * 5)

    with pytest.raises(TryAgainLater, match="cannot list s3://models/team/: the store is overloaded or failing"):
        list(s3_store.keys(""))


def test_an_object_may_be_a_web_page(s3_store: S3Store) -> None:
    page = b"<!DOCTYPE html><html></html>"
    s3_store._client.put_object(Bucket="models", Key="team/a", Body=page, ContentType="text/html")

    assert (s3_store.size("a"), s3_store.read("a")) == (28, page)
