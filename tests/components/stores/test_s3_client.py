from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from botocore.exceptions import HTTPClientError
from podtune.errors import BadInput
from podtune.stores.opening import open_store
from podtune.stores.s3_client import open_client
from podtune.stores.s3_errors import explained
from podtune.stores.s3_store import S3Store


def test_aws_gets_a_checksum_with_every_upload(aws: None) -> None:
    config = open_client().meta.config

    assert config.request_checksum_calculation == "when_supported"
    assert config.response_checksum_validation == "when_supported"


def test_another_store_gets_one_where_it_must(aws: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "https://s3.example.org")

    config = open_client().meta.config

    assert config.request_checksum_calculation == "when_required"
    assert config.response_checksum_validation == "when_required"


def test_the_environment_has_the_last_word_on_checksums(aws: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "https://s3.example.org")
    monkeypatch.setenv("AWS_REQUEST_CHECKSUM_CALCULATION", "when_supported")

    assert open_client().meta.config.request_checksum_calculation == "when_supported"


def test_retries_and_timeouts_are_bounded(aws: None) -> None:
    config = open_client().meta.config

    assert config.retries == {"mode": "standard", "total_max_attempts": 5}
    assert (config.connect_timeout, config.read_timeout) == (10, 60)


def presigned() -> Any:
    """What a request for an object would be: its host, and by which credentials it is signed."""
    url = urlsplit(open_client().generate_presigned_url("get_object", Params={"Bucket": "models", "Key": "a"}))
    query = parse_qs(url.query)
    return url.hostname, query.get("AWSAccessKeyId"), query.get("x-amz-security-token")


def test_the_line_break_that_ends_a_file_is_no_part_of_a_credential(aws: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key\r\n")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret\n")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "session\n")

    assert presigned()[1:] == (["key"], ["session"])


@pytest.mark.parametrize("name", ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"])
@pytest.mark.parametrize("value", ["canary\ncanary", "canary\tcanary", "canarß"])
def test_a_credential_that_no_header_can_hold_is_named_and_not_shown(
    aws: None, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)

    with pytest.raises(BadInput) as raised:
        open_client()

    assert str(raised.value) == f"{name} must hold one line of ASCII; it holds something else"


def test_a_credential_of_a_profile_is_named_too(aws: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "credentials").write_text("[default]\naws_access_key_id=canarß\naws_secret_access_key=s\n", "utf-8")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")

    with pytest.raises(BadInput, match=r"^aws_access_key_id of the profile must hold one line of ASCII; it holds some"):
        open_client()


def test_a_pods_token_that_no_header_can_hold_is_not_shown(aws: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:9/")
    monkeypatch.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", "canary\ncanary")

    with pytest.raises(BadInput) as raised:
        open_client()

    assert str(raised.value).startswith("cannot get credentials: ")
    assert "canary" not in str(raised.value)


def test_a_credential_that_a_service_gave_is_not_quoted() -> None:
    error = HTTPClientError(error=ValueError("Invalid header value b'canary\\n'"))

    found = explained(error, "read s3://models/a")

    assert isinstance(found, BadInput)
    assert str(found) == (
        "cannot read s3://models/a: what the request was to carry holds a line break; "
        "write the credentials anew, each on one line"
    )


@pytest.mark.parametrize(("style", "host"), [("path", "s3.example.org"), ("virtual", "models.s3.example.org")])
def test_the_environment_says_where_the_bucket_is_named(
    aws: None, monkeypatch: pytest.MonkeyPatch, style: str, host: str
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "https://s3.example.org")
    monkeypatch.setenv("AWS_S3_ADDRESSING_STYLE", style)

    assert presigned()[0] == host


def test_writes_are_encrypted_as_the_environment_says(
    s3_store: S3Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AWS_SERVER_SIDE_ENCRYPTION", "aws:kms")
    monkeypatch.setenv("AWS_SSE_KMS_KEY_ID", "key-1")
    (tmp_path / "large").write_bytes(b"x" * (9 << 20))
    store = S3Store("models", "team")

    store.create("a", b"a")
    store.upload(tmp_path / "large", "b")

    heads = [s3_store._client.head_object(Bucket="models", Key=f"team/{key}") for key in "ab"]
    assert [head["ServerSideEncryption"] for head in heads] == ["aws:kms", "aws:kms"]
    assert heads[1]["SSEKMSKeyId"].endswith("key-1")


def test_readers_say_that_they_pay(s3_store: S3Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REQUEST_PAYER", "requester")
    store, sent = S3Store("models", "team"), []
    store._client.meta.events.register(
        "before-send.s3", lambda request, **_: sent.append(request.headers.get("x-amz-request-payer"))
    )

    store.read("a")
    store.size("a")
    list(store.keys(""))

    assert sent == [b"requester"] * 3


def test_public_buckets_are_read_without_credentials(s3_store: S3Store, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_NO_SIGN_REQUEST", "YES")
    s3_store._client.put_object(Bucket="models", Key="team/a", Body=b"public", ACL="public-read")
    store, signed = S3Store("models", "team"), []
    store._client.meta.events.register(
        "before-send.s3", lambda request, **_: signed.append("Authorization" in request.headers)
    )

    assert store.read("a") == b"public"

    assert signed == [False]


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("AWS_S3_ADDRESSING_STYLE", "host", "must be auto or path or virtual; got 'host'"),
        ("AWS_SERVER_SIDE_ENCRYPTION", "aes", "must be AES256 or aws:kms or aws:kms:dsse; got 'aes'"),
        ("AWS_SSE_KMS_KEY_ID", "key-1", "needs AWS_SERVER_SIDE_ENCRYPTION=aws:kms; got ''"),
        ("AWS_REQUEST_PAYER", "me", "must be requester; got 'me'"),
        ("AWS_NO_SIGN_REQUEST", "maybe", "must be true or false; got 'maybe'"),
    ],
)
def test_another_value_is_bad_input(
    aws: None, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, message: str
) -> None:
    monkeypatch.setenv(variable, value)

    with pytest.raises(BadInput) as raised:
        open_client()

    assert str(raised.value) == f"{variable} {message}"


@pytest.mark.parametrize(
    ("arn", "host"),
    [
        (
            "arn:aws:s3:us-west-2:123456789012:accesspoint/podtune",
            "podtune-123456789012.s3-accesspoint.us-west-2.amazonaws.com",
        ),
        (
            "arn:aws:s3-outposts:us-west-2:123456789012:outpost/op-1/accesspoint/podtune",
            "podtune-123456789012.op-1.s3-outposts.us-west-2.amazonaws.com",
        ),
    ],
)
def test_an_access_point_stands_for_its_bucket(aws: None, arn: str, host: str) -> None:
    store = open_store(f"s3://{arn}/models/qa/")
    assert isinstance(store, S3Store)

    url = store._client.generate_presigned_url("get_object", Params=store._at("a"))

    assert store.uri == f"s3://{arn}/models/qa"
    assert urlsplit(url)[1:3] == (host, "/models/qa/a")
