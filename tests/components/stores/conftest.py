import base64
import os
import uuid
import zlib
from pathlib import Path
from typing import Any, Callable, Iterator, List, Optional

import botocore.session
import pytest
from botocore.awsrequest import AWSResponse
from moto import mock_aws
from moto.core.botocore_stubber import BotocoreStubber, MockRawResponse
from moto.core.models import botocore_stubber
from podtune.stores.directory_store import DirectoryStore
from podtune.stores.s3_store import S3Store
from podtune.stores.store import Store


@pytest.fixture(scope="session")
def botocore_models() -> Any:
    """S3's description, read once: a client costs 20 ms then, not 100."""
    return botocore.session.Session().get_component("data_loader")


@pytest.fixture
def aws(botocore_models: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment in which nothing of the machine's own AWS settings is left."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)

    def session() -> Any:
        made = botocore.session.Session()
        made.register_component("data_loader", botocore_models)
        return made

    monkeypatch.setattr("botocore.session.get_session", session)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent/config")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent/credentials")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_REGION", "us-east-1")


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retries without waiting."""
    monkeypatch.setattr("time.sleep", lambda seconds: None)


@pytest.fixture
def s3_store(aws: None, at_once: None) -> Iterator[S3Store]:
    """A bucket in this process, without a socket."""
    with mock_aws():
        store = S3Store("models", "team")
        store._client.create_bucket(Bucket="models")
        yield store


@pytest.fixture
def directory_store(tmp_path: Path) -> DirectoryStore:
    return DirectoryStore(tmp_path / "store")


@pytest.fixture
def swift_store(aws: None, at_once: None, swift_server: Any, monkeypatch: pytest.MonkeyPatch) -> S3Store:
    """A bucket of OpenStack Swift's."""
    return _served(swift_server, monkeypatch)


@pytest.fixture(params=["directory_store", "s3_store", pytest.param("swift_store", marks=pytest.mark.local)])
def store(request: pytest.FixtureRequest) -> Store:
    """Every kind of store, one after the other."""
    found: Store = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def served_store(aws: None, moto_server: Any, monkeypatch: pytest.MonkeyPatch) -> S3Store:
    """A bucket behind a real socket."""
    return _served(moto_server, monkeypatch)


def _served(server: Any, monkeypatch: pytest.MonkeyPatch) -> S3Store:
    server.use(monkeypatch)
    return S3Store("models", uuid.uuid4().hex)


@pytest.fixture(params=["directory_store", pytest.param("served_store", marks=pytest.mark.local)])
def exclusive_store(request: pytest.FixtureRequest) -> Store:
    """Every kind of store that lets one of several writers win."""
    found: Store = request.getfixturevalue(request.param)
    return found


Fault = Callable[[Any], Optional[AWSResponse]]


class Faults:
    """What stands between a store and its bucket: each request meets the next fault, then the bucket itself."""

    def __init__(self, store: S3Store, monkeypatch: pytest.MonkeyPatch) -> None:
        self.requests: List[Any] = []
        self._events = store._client.meta.events
        self._met: List[Any] = []
        # botocore asks moto for every request, also for one that another handler has answered
        monkeypatch.setattr(botocore_stubber, "process_request", self._process_request)

    def _process_request(self, request: Any) -> Any:
        return None if request in self._met else BotocoreStubber.process_request(botocore_stubber, request)

    def on(self, operation: str, *faults: Fault) -> None:
        left = list(faults)

        def meet(request: Any, **others: Any) -> Optional[AWSResponse]:
            self.requests.append(request)
            answer = left.pop(0)(request) if left else None
            if answer is not None:
                self._met.append(request)
            return answer

        self._events.register_first(f"before-send.s3.{operation}", meet)

    def headers(self, name: str) -> List[Optional[str]]:
        """One header of every request so far."""
        found = (request.headers.get(name) for request in self.requests)
        return [value.decode() if isinstance(value, bytes) else value for value in found]

    @staticmethod
    def nothing(request: Any) -> None:
        """The request goes through."""

    @staticmethod
    def answer(status: int, code: str = "", message: str = "no", **headers: str) -> Fault:
        """The request does not reach the bucket."""
        body = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>" if code else ""
        return Faults.text(status, body, **headers)

    @staticmethod
    def text(status: int, body: str, **headers: str) -> Fault:
        """What is no store answers; an underscore in a header's name stands for a hyphen."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return lambda request: AWSResponse(request.url, status, named, MockRawResponse(body))

    @staticmethod
    def page(*keys: str, truncated: bool) -> Fault:
        """A page of a listing without what a store may leave out: times, and the token of the next page."""
        objects = "".join(f"<Contents><Key>{key}</Key><Size>1</Size></Contents>" for key in keys)
        body = f"<ListBucketResult><IsTruncated>{str(truncated).lower()}</IsTruncated>{objects}</ListBucketResult>"
        return lambda request: AWSResponse(request.url, 200, {}, MockRawResponse(body))

    @staticmethod
    def without(*names: str, weak: bool = False) -> Fault:
        """Some headers of the bucket's answer do not arrive; what compresses it marks its ETag as a weak one."""

        def meet(request: Any) -> AWSResponse:
            whole = _bucket(request)
            headers = {name.lower(): value for name, value in whole.headers.items() if name.lower() not in names}
            if weak:
                headers["etag"] = "W/" + headers["etag"]
            return AWSResponse(request.url, whole.status_code, headers, MockRawResponse(whole.content))

        return meet

    @staticmethod
    def lose_answer(request: Any) -> AWSResponse:
        """The bucket does what it was asked to; its answer does not arrive."""
        _bucket(request)
        return AWSResponse(request.url, 503, {}, MockRawResponse(""))

    @staticmethod
    def cut(count: int) -> Fault:
        """The body breaks off after `count` bytes."""

        def meet(request: Any) -> AWSResponse:
            whole = _bucket(request)
            return AWSResponse(request.url, whole.status_code, whole.headers, MockRawResponse(whole.content[:count]))

        return meet

    @staticmethod
    def flip_bit(request: Any) -> AWSResponse:
        """The first bit of the body is another on arrival, as its checksum tells."""
        whole = _bucket(request)
        checksum = base64.b64encode(zlib.crc32(whole.content).to_bytes(4, "big")).decode()
        headers = {**whole.headers, "x-amz-checksum-crc32": checksum}  # which older moto leaves out
        content = bytes([whole.content[0] ^ 1]) + whole.content[1:]
        return AWSResponse(request.url, whole.status_code, headers, MockRawResponse(content))

    @staticmethod
    def ignore(*headers: str) -> Fault:
        """The bucket does not know some headers."""

        def meet(request: Any) -> None:
            for header in set(headers) & set(request.headers):
                del request.headers[header]

        return meet


def _bucket(request: Any) -> AWSResponse:
    answer = botocore_stubber("before-send", request)
    assert answer is not None
    return answer


@pytest.fixture
def faults(s3_store: S3Store, monkeypatch: pytest.MonkeyPatch) -> Faults:
    return Faults(s3_store, monkeypatch)
