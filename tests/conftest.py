"""For every test: golden files, compared with and written only when asked; hypothesis without chance; S3 servers;
PopTorch without IPUs.
"""

import contextlib
import json
import logging
import os
import resource
import subprocess
import sys
import threading
import uuid
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List

import pytest
from hypothesis import settings
from skips import differences

GOLDEN = Path(__file__).parent / "golden"
SERVE_SWIFT = Path(__file__).parent / "servers" / "serve_swift.py"
SWIFT = Path(os.environ.get("PODTUNE_SWIFT", Path(__file__).parent.parent / "build" / "swift"))
"""An environment that holds OpenStack Swift, whose packages do not go together with ours."""

# The same examples in every run, however slow the machine
settings.register_profile("podtune", derandomize=True, deadline=None)
settings.load_profile("podtune")


@pytest.fixture(autouse=True, scope="session")
def no_fsync() -> Iterator[None]:
    """Do not wait for the disk, which takes up to half of a test's time; who tests fsync replaces it again."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda descriptor: None)
        yield


@pytest.fixture(autouse=True, scope="session")
def no_outage() -> Iterator[None]:
    """Have no step wait for a store that a test takes away; who tests waiting sets it again."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PODTUNE_OUTAGE", "0")
        yield


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write the golden files; read their diff in review")
    parser.addoption(
        "--judge-skips", action="store_true", help="fail unless tests/skips.py expects all that is skipped"
    )


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Compare what a run of all tests skipped with what it was to skip; xdist's workers know only their part."""
    if not session.config.getoption("--judge-skips") or hasattr(session.config, "workerinput"):
        return
    reporter = session.config.pluginmanager.getplugin("terminalreporter")
    found = differences(str(report.longrepr[2]) for report in reporter.stats.get("skipped", []))
    if found:
        reporter.section("skipped tests")
        reporter.write("\n".join([*found, ""]))
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """A function (name, text) that fails unless tests/golden/<name> holds exactly the text."""

    def compare(name: str, text: str) -> None:
        path = GOLDEN / name
        if request.config.getoption("--update-golden"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text.encode("utf-8"))
        assert path.is_file(), f"tests/golden/{name} is missing; write it with --update-golden and read it"
        assert text == path.read_bytes().decode("utf-8"), f"tests/golden/{name} differs; see --update-golden"

    return compare


@pytest.fixture
def golden_text() -> Callable[[str], str]:
    """A function (name) that reads tests/golden/<name>."""
    return lambda name: (GOLDEN / name).read_bytes().decode("utf-8")


@pytest.fixture(autouse=True)
def _levels_of_loggers() -> Iterator[None]:
    """Undo what a program sets when it begins (errors.ending_cleanly)."""
    loggers = [logging.getLogger(name) for name in (None, "podtune", "podtune_pipelines", "__main__")]
    levels = [logger.level for logger in loggers]
    yield
    for logger, level in zip(loggers, levels):
        logger.setLevel(level)


@dataclass(frozen=True)
class S3Server:
    """An S3 server on this machine, with a bucket called models."""

    endpoint: str
    key: str
    secret: str

    def use(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Point the AWS variables to it, and see to its bucket."""
        import boto3

        for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_REQUEST_CHECKSUM_CALCULATION", "AWS_SESSION_TOKEN"):
            monkeypatch.delenv(name, raising=False)
        for name, value in self.environment().items():
            monkeypatch.setenv(name, value)
        client = boto3.session.Session().client("s3")  # boto3.client would keep the first keys
        with contextlib.suppress(client.exceptions.BucketAlreadyOwnedByYou):
            client.create_bucket(Bucket="models")

    def environment(self) -> Dict[str, str]:
        """The AWS variables that lead to it, and to no other place."""
        return {
            "AWS_CONFIG_FILE": "/nonexistent/config",
            "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent/credentials",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_ENDPOINT_URL_S3": self.endpoint,
            "AWS_ACCESS_KEY_ID": self.key,
            "AWS_SECRET_ACCESS_KEY": self.secret,
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
        }


@pytest.fixture(scope="session")
def moto_server() -> Iterator[S3Server]:
    """A server that accepts any key, and lets one of several writers win."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    yield S3Server(f"http://{host}:{port}", "key", "secret")
    server.stop()


@pytest.fixture(scope="session")
def localbucket_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """A server that keeps objects in files, accepts any key, and lets one of several writers win."""
    from localbucket import S3Handler

    handler = type("Handler", (S3Handler,), {"data_root": tmp_path_factory.mktemp("localbucket")})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield S3Server(f"http://127.0.0.1:{server.server_port}", "key", "secret")
        server.shutdown()
        thread.join()


@pytest.fixture(scope="session")
def swift_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """A server that checks signatures and checksums, and lets several writers win."""
    python = SWIFT / "bin" / "python"
    if not python.exists():
        pytest.skip("no OpenStack Swift: run `make build/swift/installed`, or name its environment in PODTUNE_SWIFT")
    command = [str(python), "-W", "ignore", str(SERVE_SWIFT), str(tmp_path_factory.mktemp("swift"))]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        port = server.stdout.readline().strip()
        yield S3Server(f"http://127.0.0.1:{port}", "test:podtune", "secret-of-podtune")
        server.stdin.close()


@dataclass
class Webhook:
    """A server that is told how runs end."""

    url: str
    answers: List[int] = field(default_factory=list)
    """Of the next requests; 200 afterwards."""

    asked: List[str] = field(default_factory=list)
    """Paths."""

    bodies: List[bytes] = field(default_factory=list)

    @property
    def messages(self) -> List[Dict[str, Any]]:
        return [json.loads(body) for body in self.bodies]


@pytest.fixture
def webhook(monkeypatch: pytest.MonkeyPatch) -> Iterator[Webhook]:
    """The server that PODTUNE_NOTIFY_URL names."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.headers["Content-Type"] == "application/json"
            hook.asked.append(self.path)
            hook.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(hook.answers.pop(0) if hook.answers else 200)
            self.send_header("Location", f"{hook.url}/moved")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        hook = Webhook(f"http://127.0.0.1:{server.server_port}/services/T0/secret-path")
        monkeypatch.setenv("PODTUNE_NOTIFY_URL", hook.url)
        monkeypatch.delenv("PODTUNE_NOTIFY_LINK", raising=False)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield hook
        server.shutdown()
        thread.join()


@pytest.fixture(params=["moto_server", "localbucket_server", "swift_server"])
def s3_server(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> S3Server:
    """Each server, one after the other, as the environment's."""
    server: S3Server = request.getfixturevalue(request.param)
    server.use(monkeypatch)
    return server


@pytest.fixture
def s3_uri(s3_server: S3Server) -> str:
    """A place on it where nothing is yet."""
    return f"s3://models/{uuid.uuid4().hex}"


@pytest.fixture
def poptorch_layer() -> Iterator[Any]:
    """Let `import poptorch` work without IPUs; what stands in for its compiled half (tests/poptorch_layer)."""
    from poptorch_layer.loading import install

    yield install()
    del sys.modules["poptorch"]  # other tests look for a Python that has none


@pytest.fixture
def small_files() -> Iterator[None]:
    """No file can be larger than 50 kB, as on a disk that is full then."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
