"""An S3 server in a process of its own, and a proxy in front of it that makes one request of many fail."""

import contextlib
import http.client
import os
import signal
import socket
import struct
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Callable, Dict, Iterator, List, Tuple
from urllib.parse import urlsplit

BEFORE = ("drop", "reset", "500", "503", "429", "404", "403", "409", "412")
"""Faults of requests that do not reach the server: no answer, or one of these."""

AFTER = ("drop-after", "reset-after", "500-after", "503-after", "cut", "flip", "empty", "repeat")
"""Faults of requests that the server carries out: its answer is lost, another, cut, or to a second such request."""

FAULTS = BEFORE + AFTER
Fault = Callable[[int], str]
"""The number of a request, from 1, to its fault; empty for none."""

Answer = Tuple[int, List[Tuple[str, str]], bytes]


@contextlib.contextmanager
def served() -> Iterator[str]:
    """Serve S3, each PUT with If-None-Match once; the address. Clients of this process and its forks are made fast."""
    import botocore.session

    loader = botocore.session.Session().get_component("data_loader")

    def session() -> Any:
        made = botocore.session.Session()
        made.register_component("data_loader", loader)
        return made

    botocore.session.get_session = session
    reading, writing = os.pipe()
    process = os.fork()
    if process == 0:
        _serve(writing)
    os.close(writing)
    with os.fdopen(reading) as told:
        address = told.readline().strip()
    try:
        yield address
    finally:
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)


def _serve(writing: int) -> None:
    from moto.server import ThreadedMotoServer

    for standard in (1, 2):
        os.dup2(os.open(os.devnull, os.O_WRONLY), standard)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    os.write(writing, f"http://{host}:{port}\n".encode())
    while os.getppid() != 1:
        time.sleep(1)
    os._exit(0)


def use(address: str) -> str:
    """Point this process's AWS variables to a server; a new bucket on it, as the URI of a store."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ.update(
        AWS_CONFIG_FILE="/nonexistent/config",
        AWS_SHARED_CREDENTIALS_FILE="/nonexistent/credentials",
        AWS_EC2_METADATA_DISABLED="true",
        AWS_ENDPOINT_URL_S3=address,
        AWS_ACCESS_KEY_ID="key",
        AWS_SECRET_ACCESS_KEY="secret",
        AWS_REGION="us-east-1",
    )
    bucket = f"faults-{uuid.uuid4().hex}"
    connection = http.client.HTTPConnection(urlsplit(address).netloc)
    connection.request("PUT", f"/{bucket}", headers={"Authorization": _CREDENTIAL})
    assert connection.getresponse().status == 200
    connection.close()
    return f"s3://{bucket}/store"


_CREDENTIAL = "AWS4-HMAC-SHA256 Credential=key/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0"


class Proxy:
    """What stands between this process and a server, from the moment it is used as its address."""

    def __init__(self, server: str, fault: Fault = lambda number: "") -> None:
        self.fault, self.server, self.seen = fault, urlsplit(server).netloc, []  # type: Fault, str, List[str]
        self._lock = threading.Lock()
        serving = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"proxy": self}))
        self.address = f"http://127.0.0.1:{serving.server_port}"
        threading.Thread(target=serving.serve_forever, daemon=True).start()

    def next_fault(self, request: str) -> str:
        """Count a request; its fault."""
        with self._lock:
            self.seen.append(request)
            return self.fault(len(self.seen))


def only(number: int, fault: str) -> Fault:
    """One fault, of the request of a number."""
    return lambda seen: fault if seen == number else ""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *arguments: Any) -> None:
        """A client that goes is no error."""


class _Handler(BaseHTTPRequestHandler):
    proxy: Proxy
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True

    def _meet(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        fault = self.proxy.next_fault(f"{self.command} {self.path}")
        if fault in BEFORE:
            self._fail(fault)
            return
        answer = self._forward(body)
        if fault == "repeat":
            answer = self._forward(body)
        if fault.endswith("-after"):
            self._fail(fault[: -len("-after")])
        else:
            self._answer(answer, fault)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("do_"):
            return self._meet
        raise AttributeError(name)

    def handle_expect_100(self) -> bool:
        self.send_response_only(100)
        self.end_headers()
        self.wfile.flush()
        return True

    def _forward(self, body: bytes) -> Answer:
        connection = http.client.HTTPConnection(self.proxy.server)
        try:
            headers: Dict[str, str] = {name: value for name, value in self.headers.items() if name != "Expect"}
            connection.request(self.command, self.path, body=body, headers=headers)
            found = connection.getresponse()
            skipped = ("connection", "transfer-encoding", "server", "date")
            kept = [(name, value) for name, value in found.getheaders() if name.lower() not in skipped]
            return found.status, kept, found.read()
        finally:
            connection.close()

    def _answer(self, answer: Answer, fault: str) -> None:
        status, headers, body = answer
        if fault == "flip" and body:
            body = bytes([body[0] ^ 1]) + body[1:]
        if fault == "empty" and body:
            body, headers = b"", [*((name, value) for name, value in headers if name != "Content-Length"), _EMPTY]
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body[: len(body) // 2] if fault == "cut" else body)
        self.wfile.flush()
        if fault == "cut":
            self._close(reset=False)

    def _fail(self, fault: str) -> None:
        if fault in ("drop", "reset"):
            self._close(reset=fault == "reset")
            return
        codes = {"404": "NoSuchKey", "403": "AccessDenied", "412": "PreconditionFailed", "409": "OperationAborted"}
        body = f"<Error><Code>{codes.get(fault, 'SlowDown')}</Code><Message>no</Message></Error>".encode()
        self._answer((int(fault), [("Content-Length", str(len(body)))], body), "")

    def _close(self, *, reset: bool) -> None:
        self.close_connection = True
        self.wfile.flush()
        if reset:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        with contextlib.suppress(OSError):
            self.connection.close() if reset else self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, *arguments: Any) -> None:
        """Stay silent."""


_EMPTY = ("Content-Length", "0")


def at_request(number: int, act: Callable[[], object], *, after: bool = False) -> None:
    """Do something to this process before its request of a number, or after the server has answered it."""
    from botocore.httpsession import URLLib3Session

    send, seen = URLLib3Session.send, []  # type: Any, List[str]

    def sending(session: Any, request: Any) -> Any:
        seen.append("")
        here = len(seen) == number
        if here and not after:
            act()
        answer = send(session, request)
        if here and after:
            act()
        return answer

    URLLib3Session.send = sending
