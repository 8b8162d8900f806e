"""Image registries on this machine: Debian's docker-registry, and one that answers what that was recorded to answer."""

import base64
import contextlib
import hashlib
import json
import os
import subprocess
import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Tuple

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
LOGIN = "me:canary"
HTPASSWD = "me:$2b$05$abcdefghijklmnopqrstuuRprvAQdy7TukEWRpyjPPFyNaLWFtNea\n"
"""Of LOGIN, by bcrypt."""


@contextlib.contextmanager
def real_registry(folder: Path, *, login: bool) -> Iterator[str]:
    """Start docker-registry; its address."""
    (folder / "htpasswd").write_text(HTPASSWD)
    settings = {
        "REGISTRY_HTTP_ADDR": "127.0.0.1:0",
        "REGISTRY_STORAGE": "filesystem",
        "REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY": str(folder / "data"),
    }
    if login:
        settings["REGISTRY_AUTH_HTPASSWD_REALM"] = "podtune"
        settings["REGISTRY_AUTH_HTPASSWD_PATH"] = str(folder / "htpasswd")
    (folder / "config.yml").write_text("version: 0.1\nstorage: {filesystem: {rootdirectory: /nowhere}}\n")
    log = folder / "log"
    with log.open("wb") as output:
        command = ["docker-registry", "serve", str(folder / "config.yml")]
        process = subprocess.Popen(command, env={**os.environ, **settings}, stderr=output, stdout=output)
    try:
        yield _address(log)
    finally:
        process.kill()
        process.wait()


def _address(log: Path) -> str:
    until = time.monotonic() + 30
    while time.monotonic() < until:
        for word in log.read_text().replace('"', " ").split():
            if word.startswith("127.0.0.1:") and word != "127.0.0.1:0":
                return word
        time.sleep(0.05)
    raise AssertionError(f"docker-registry did not start: {log.read_text()}")


def push(address: str, repository: str, tag: str, content: str = "") -> str:
    """Push an image without layers; return its manifest's digest."""
    config = json.dumps({"architecture": "amd64", "os": "linux", "comment": content}).encode()
    uploads = _send("POST", f"http://{address}/v2/{repository}/blobs/uploads/", b"", "")
    location = uploads.headers["Location"]
    location = location if location.startswith("http") else f"http://{address}{location}"
    _send("PUT", f"{location}&digest={_digest(config)}", config, "application/octet-stream")
    entry = {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": _digest(config), "size": len(config)}
    manifest = json.dumps({"schemaVersion": 2, "mediaType": MANIFEST, "config": entry, "layers": []}).encode()
    _send("PUT", f"http://{address}/v2/{repository}/manifests/{tag}", manifest, MANIFEST)
    return _digest(manifest)


def _send(method: str, url: str, data: bytes, kind: str) -> Any:
    authorization = f"Basic {base64.b64encode(LOGIN.encode()).decode()}"
    headers = {"Content-Type": kind, "Authorization": authorization}
    return urllib.request.build_opener(urllib.request.ProxyHandler({})).open(
        urllib.request.Request(url, data, headers, method=method), timeout=30
    )


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


Answer = Tuple[int, Dict[str, str], bytes]


class AnsweringRegistry:
    """A server whose answers are a test's: `answers` takes a path with its query and the request's headers."""

    def __init__(self, answers: Callable[[str, Dict[str, str]], Answer]) -> None:
        self.asked: List[Tuple[str, str, Dict[str, str]]] = []
        """Method, path and headers, in lower case, of every request."""

        registry = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                headers = {name.lower(): value for name, value in self.headers.items()}
                registry.asked.append((self.command, self.path, headers))
                status, answered, body = answers(self.path, headers)
                self.send_response(status)
                for name, value in {"Content-Length": str(len(body)), **answered}.items():
                    self.send_header(name, value)
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)

            do_HEAD = do_GET  # noqa: N815  # http.server's name

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
