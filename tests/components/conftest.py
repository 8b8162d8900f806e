"""What inputs are fetched from: a web server that can fail, a Hub, a bucket."""

import hashlib
import json
import socket
import struct
import sys
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping, Optional, Tuple

import boto3
import pytest
from moto import mock_aws
from podtune.formats import sums, tables
from podtune.formats.raw_data import DataFile

if sys.version_info < (3, 9):
    # The IPU image has torch 2.0, transformers 4, no pyarrow and no pybase64. These need the torch engine, which
    # starts at transformers 4.53 and torch 2.1; ModernBERT; version 5's way to write captions; Parquet; a newer
    # Python's syntax trees; or are about reading raw files, which the IPU image does not do
    collect_ignore = [
        "formats/test_tables.py",
        "steps/finetune/test_interruptions.py",
        "steps/finetune/test_nodes.py",
        "steps/finetune/test_step.py",
        "steps/finetune/test_processes.py",
        "steps/finetune/test_uploads.py",
        "steps/evaluate/test_step.py",
        "tasks/image_captioning/test_beam_search.py",
        "tasks/image_captioning/test_engine.py",
        "tasks/image_captioning/test_objective.py",
        "tasks/image_captioning/test_pixels.py",
        "samples/test_vit_gpt2.py",
        "tasks/question_answering/test_model_types.py",
        "tasks/question_answering/test_squad.py",
        "tasks/visual_question_answering/test_region_row.py",
        "training/engines/test_attention.py",
        "training/engines/test_optimizer.py",
        "training/engines/test_poptorch_api.py",
        "training/engines/test_precision.py",
        "training/engines/test_states.py",
        "training/engines/test_torch_engine.py",
        "training/engines/test_waiting.py",
    ]

REVISION = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class Fault:
    """What happens to one answer instead."""

    status: int = 0
    """Answered instead of the file."""

    cut: Optional[int] = None
    """Bytes of the body after which the connection ends."""

    reset: bool = False
    """The connection ends with a reset instead of an orderly close."""

    hang: bool = False
    """The connection stays open, and nothing more comes."""

    flip: bool = False
    """The first bit of the body is another."""

    content_range: str = ""
    """Said of the part that is sent, whatever was asked for."""

    becomes: Optional[bytes] = None
    """The content of the file from now on."""


@dataclass
class Web:
    """Files on a web server; each GET of a file meets the next fault, if there is one."""

    address: str
    files: Dict[str, bytes] = field(default_factory=dict)
    redirects: Dict[str, str] = field(default_factory=dict)
    refusals: Dict[str, Tuple[int, Mapping[str, str]]] = field(default_factory=dict)
    faults: List[Fault] = field(default_factory=list)
    requests: List[Tuple[str, Any]] = field(default_factory=list)
    """Path and headers of every GET so far."""

    validators: Tuple[str, ...] = ("ETag",)
    """How the server names contents: ETag, Last-Modified, both, or not at all."""

    ranges: bool = True

    lengths: bool = True
    """Whether an answer says how long it is, or ends with its connection."""

    def fails(self, times: int = 1, **what: Any) -> None:
        """Let the next GET of a file that no fault is meant for meet this one; an empty one lets it succeed."""
        self.faults += [Fault(**what)] * times

    def asked(self, header: str) -> List[Optional[str]]:
        """One header of every GET so far."""
        return [headers[header] for _, headers in self.requests]


class _Handler(BaseHTTPRequestHandler):
    web: Web

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        self.web.requests.append((self.path, self.headers))
        if path in self.web.redirects:
            self._say(302, {"Location": self.web.redirects[path]})
        elif path in self.web.refusals:
            self._say(*self.web.refusals[path])
        elif path not in self.web.files:
            self._say(404, {})
        else:
            self._meet(path, self.web.faults.pop(0) if self.web.faults else Fault())

    def _meet(self, path: str, fault: Fault) -> None:
        if fault.becomes is not None:
            self.web.files[path] = fault.becomes
        if fault.status:
            self._say(fault.status, {})
        else:
            self._send(self.web.files[path], fault)

    def _say(self, status: int, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in ({"Content-Length": "0", **headers} if self.web.lengths else headers).items():
            self.send_header(name, value)
        self.end_headers()

    def _send(self, content: bytes, fault: Fault) -> None:
        names = {"ETag": f'"{hashlib.md5(content).hexdigest()}"', "Last-Modified": "Sat, 21 Nov 2026 03:00:00 GMT"}
        headers = {name: names[name] for name in self.web.validators}
        start = int((self.headers["Range"] or "bytes=0-")[6:-1])
        condition = self.headers["If-Range"]
        if self.web.ranges and start and (condition is None or condition in headers.values()):
            part = content[start:]
            headers["Content-Range"] = fault.content_range or f"bytes {start}-{len(content) - 1}/{len(content)}"
            self._say(206, {**headers, "Content-Length": str(len(part))})
        else:
            part = content
            length = {"Content-Length": str(len(part))} if self.web.lengths else {}
            self._say(200, {**headers, **length})
        if fault.flip:
            part = bytes([part[0] ^ 1]) + part[1:]
        self.wfile.write(part[: fault.cut])
        self.wfile.flush()
        if fault.hang:
            self.connection.recv(1)  # until the client goes
        if fault.reset:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close() if fault.reset else self.connection.shutdown(socket.SHUT_WR)

    def log_message(self, *arguments: Any) -> None:
        """Stay silent."""


class _Server(ThreadingHTTPServer):
    def handle_error(self, *arguments: Any) -> None:
        """A client that goes is no error."""


def _serve() -> Iterator[Web]:
    server = _Server(("127.0.0.1", 0), _Handler)
    web = Web(f"http://127.0.0.1:{server.server_port}")
    server.RequestHandlerClass = type("Handler", (_Handler,), {"web": web})
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield web
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(autouse=True)
def tables_checked_here(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Check tables without a process of its own for each, but in `local` tests."""

    def check_here(places: Any, columns: Any, _: Any) -> None:
        for path, origin in places:
            tables.check_table(DataFile(Path(path), origin), columns)

    if not request.node.get_closest_marker("local"):
        monkeypatch.setattr(tables, "_check_apart", check_here)


@pytest.fixture
def fetching(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An environment for downloads: no proxy, no waiting, a cache of its own, which is returned."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    monkeypatch.setenv("PODTUNE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def web(fetching: Path) -> Iterator[Web]:
    yield from _serve()


@pytest.fixture
def another_web(fetching: Path) -> Iterator[Web]:
    yield from _serve()


@dataclass
class Hub:
    """Repositories on a web server, as the Hub shows them to huggingface_hub."""

    web: Web

    def add(self, repository: str, files: Dict[str, bytes], large: Tuple[str, ...] = ()) -> None:
        """Publish files at REVISION; `repository` begins with datasets/ or models/; large files are linked to."""
        siblings = []
        prefix = repository[len("models/") :] if repository.startswith("models/") else repository
        for name, content in files.items():
            entry: Dict[str, Any] = {"rfilename": name, "size": len(content), "blobId": _git_id(content)}
            resolved = f"/{prefix}/resolve/{REVISION}/{name}"
            if name in large:
                digest = hashlib.sha256(content).hexdigest()
                entry["lfs"] = {"sha256": digest, "size": len(content), "pointerSize": 134}
                self.web.files[f"/large/{digest}"] = content
                self.web.redirects[resolved] = f"{self.web.address}/large/{digest}?signature=secret"
            else:
                self.web.files[resolved] = content
            siblings.append(entry)
        info = {"id": repository.partition("/")[2], "sha": REVISION, "private": False, "siblings": siblings}
        self.web.files[self.info(repository)] = json.dumps(info).encode()

    def info(self, repository: str) -> str:
        """The path at which a repository describes itself."""
        return f"/api/{repository}/revision/{REVISION}"


def _git_id(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


@pytest.fixture
def hub(web: Web, monkeypatch: pytest.MonkeyPatch) -> Hub:
    """A Hub that huggingface_hub, which has read HF_ENDPOINT long ago, takes for its own."""
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", web.address)
    template = web.address + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr("huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", "/nonexistent/token")
    monkeypatch.delenv("HF_TOKEN", raising=False)
    return Hub(web)


@pytest.fixture
def bucket(fetching: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A bucket called inputs, in this process, without a socket: put(key, content)."""
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent/config")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent/credentials")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket="inputs")
        yield lambda key, content: client.put_object(Bucket="inputs", Key=key, Body=content)


class Hashed(List[str]):
    """Every file that is read to be hashed, once each time."""

    def forget(self) -> None:
        """Begin as a new process that knows no sum."""
        self.clear()
        sums._memory_in.cache_clear()


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> Hashed:
    """What is hashed from now on, as if by a new process; a file counts as unchanged even if it was just written."""
    read, original = Hashed(), sums._read

    def counting(path: Path, advance: Any) -> Any:
        read.append(str(path))
        return original(path, advance)

    monkeypatch.setattr(sums, "_read", counting)
    monkeypatch.setattr(sums, "_TICK", 0)
    monkeypatch.setattr(sums, "_COARSE_TICK", 0)
    read.forget()
    return read
