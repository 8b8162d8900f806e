import json
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Tuple

import pytest
import yaml
from podtune_pipelines.doctor.findings import Finding


@dataclass
class Answers:
    """A server that answers what it is told to."""

    url: str = ""
    told: Dict[str, Tuple[int, Any]] = field(default_factory=dict)
    """Method and path to the status and the body: JSON, or a text as it is."""

    requests: List[Any] = field(default_factory=list)
    """Path, headers and body of each."""

    silent: bool = False


class _Handler(BaseHTTPRequestHandler):
    server: Any

    def do_GET(self) -> None:
        answers = self.server.answers
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        answers.requests.append((self.path, dict(self.headers), body))
        while answers.silent:
            time.sleep(0.01)
        status, content = answers.told.get(f"{self.command} {self.path}", (404, {}))
        said = content if isinstance(content, str) else json.dumps(content)
        self.send_response(status)
        self.send_header("content-length", str(len(said)))
        self.end_headers()
        self.wfile.write(said.encode())

    do_POST = do_GET  # noqa: N815  # the name that the server looks for

    def log_message(self, *arguments: Any) -> None:
        pass


@pytest.fixture
def answers() -> Iterator[Answers]:
    made = Answers()
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        server.answers = made  # type: ignore[attr-defined]  # for the handler
        made.url = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield made
        made.silent = False
        server.shutdown()


@pytest.fixture
def kubernetes(answers: Answers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Answers:
    """A Kubernetes API that the kubeconfig names; it knows a token, and only its version."""
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "here",
        "clusters": [{"name": "here", "cluster": {"server": answers.url}}],
        "users": [{"name": "me", "user": {"token": "token-of-me"}}],
        "contexts": [{"name": "here", "context": {"cluster": "here", "user": "me"}}],
    }
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump(config))
    monkeypatch.setattr("kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", str(tmp_path / "kubeconfig"))
    answers.told["GET /version"] = (200, {"gitVersion": "v1.33.2"})
    return answers


Summary = Callable[[Iterator[Finding]], List[Tuple[str, str]]]


@pytest.fixture
def outcomes() -> Summary:
    """A function that has a check look, and returns what each finding is about and its outcome."""
    return lambda looking: [(finding.about, finding.outcome) for finding in looking]


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """A function (name, script) that makes a program the only one of its name."""
    monkeypatch.setenv("PATH", str(tmp_path))

    def make(name: str, script: str) -> None:
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / name).chmod(0o755)

    return make
