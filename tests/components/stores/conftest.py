from pathlib import Path
from typing import Iterator

import boto3
import pytest
from moto import mock_aws
from moto.server import ThreadedMotoServer
from podtune.stores.directory_store import DirectoryStore
from podtune.stores.s3_store import S3Store
from podtune.stores.store import Store


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment in which nothing of the machine's own AWS settings is left."""
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_REQUEST_CHECKSUM_CALCULATION"):
        monkeypatch.delenv(name, raising=False)
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
        boto3.client("s3").create_bucket(Bucket="models")
        yield S3Store("models", "team")


@pytest.fixture
def directory_store(tmp_path: Path) -> DirectoryStore:
    return DirectoryStore(tmp_path / "store")


@pytest.fixture(params=["directory_store", "s3_store"])
def store(request: pytest.FixtureRequest) -> Store:
    """Every kind of store, one after the other."""
    found: Store = request.getfixturevalue(request.param)
    return found


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    server = ThreadedMotoServer(port=0)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def served_store(aws: None, s3_server: str, monkeypatch: pytest.MonkeyPatch) -> S3Store:
    """A bucket behind a real socket."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", s3_server)
    client = boto3.client("s3")
    client.create_bucket(Bucket="models")
    for item in client.list_objects_v2(Bucket="models").get("Contents", []):
        client.delete_object(Bucket="models", Key=item["Key"])
    return S3Store("models", "team")


@pytest.fixture(params=["directory_store", pytest.param("served_store", marks=pytest.mark.local)])
def shared_store(request: pytest.FixtureRequest) -> Store:
    """Every kind of store that several threads may use at once."""
    found: Store = request.getfixturevalue(request.param)
    return found
