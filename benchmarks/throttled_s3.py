"""An S3 server that takes so many bytes a second, and keeps small objects only: a store behind a network."""

import argparse
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar, Dict, Tuple
from urllib.parse import parse_qs, urlsplit

_BLOCK = 1 << 20


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    bytes_per_second = 0.0
    sizes: ClassVar[Dict[str, int]] = {}
    small: ClassVar[Dict[str, bytes]] = {}
    parts: ClassVar[Dict[Tuple[str, str], int]] = {}
    lock = threading.Lock()
    free_at = 0.0

    def do_GET(self) -> None:
        path, query = self._target()
        if "list-type" in query:
            prefix = query.get("prefix", [""])[0]
            keys = sorted(key for key in self.sizes if key.partition("/")[2].startswith(prefix))
            found = "".join(f"<Contents><Key>{key.partition('/')[2]}</Key></Contents>" for key in keys)
            self._answer(200, f"<ListBucketResult><IsTruncated>false</IsTruncated>{found}</ListBucketResult>")
        elif path in self.sizes:
            self._answer(200, self.small[path].decode())
        else:
            self._answer(404, "<Error><Code>NoSuchKey</Code></Error>")

    def do_HEAD(self) -> None:
        size = self.sizes.get(self._target()[0])
        self.send_response(404 if size is None else 200)
        self.send_header("Content-Length", str(size or 0))
        self.end_headers()

    def do_PUT(self) -> None:
        path, query = self._target()
        size, last = int(self.headers["Content-Length"]), self._read()
        if "partNumber" in query:
            self.parts[path, query["partNumber"][0]] = size
        else:
            self.sizes[path], self.small[path] = size, last
        self._answer(200, "", ETag='"0"')

    def do_POST(self) -> None:
        path, query = self._target()
        self._read()
        if "uploads" in query:
            self._answer(200, "<InitiateMultipartUploadResult><UploadId>1</UploadId></InitiateMultipartUploadResult>")
            return
        self.sizes[path] = sum(size for (name, _), size in self.parts.items() if name == path)
        self._answer(200, "<CompleteMultipartUploadResult><ETag>0</ETag></CompleteMultipartUploadResult>")

    def do_DELETE(self) -> None:
        self.sizes.pop(self._target()[0], None)
        self.send_response(204)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""

    def _target(self) -> Tuple[str, Dict[str, "list[str]"]]:
        parts = urlsplit(self.path)
        return parts.path.strip("/"), parse_qs(parts.query, keep_blank_values=True)

    def _read(self) -> bytes:
        """Read the body no faster than all connections together may; return its last block."""
        left, block = int(self.headers.get("Content-Length", "0")), b""
        while left:
            block = self.rfile.read(min(left, _BLOCK))
            left -= len(block)
            with self.lock:
                kind = type(self)
                kind.free_at = max(kind.free_at, time.monotonic()) + len(block) / self.bytes_per_second
                pause = kind.free_at - time.monotonic()
            time.sleep(max(pause, 0.0))
        return block

    def _answer(self, status: int, body: str, **headers: str) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body)), "Content-Type": "application/xml"}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body.encode())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bytes_per_second", type=float, help="over all connections; the port is printed")
    _Handler.bytes_per_second = parser.parse_args().bytes_per_second
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    print(server.server_port, flush=True)
    server.serve_forever()
