"""A Kubernetes API that speaks HTTP: the part of it that jobs need, with a state and with faults."""

import contextlib
import json
import re
import socket
import struct
import threading
import time
from dataclasses import dataclass, field
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple
from urllib.parse import parse_qs, urlsplit

Json = Dict[str, Any]
NAMESPACE = "podtune-ipu"
TOKEN = "Bearer canary-token"


@dataclass
class Fault:
    """What becomes of one request."""

    method: str = "GET"
    path: str = ""
    """A regular expression for a part of the path."""

    status: int = 0
    message: str = "the API is not well"
    headers: Dict[str, str] = field(default_factory=dict)
    reset: bool = False
    """The connection ends without an answer."""

    lost: bool = False
    """The same, but what was asked for is done."""

    cut: Optional[int] = None
    """Of a log: the bytes after which the connection ends."""


@dataclass
class Pod:
    """A worker's pod, as the API shows it, and what it has said."""

    shown: Json
    container: str = "worker"
    log: List[bytes] = field(default_factory=list)
    partial: bytes = b""


class Kubernetes:
    """The state of one cluster; tests play its operator and its nodes."""

    def __init__(self) -> None:
        self.address = ""
        self.jobs: Dict[str, Json] = {}
        self.pods: Dict[str, Pod] = {}
        """By the name of their IPUJob, or of their TrainJob and, after the first, their node's number: train.1."""

        self.warnings: List[Json] = []
        self.faults: List[Fault] = []
        self.requests: List[Tuple[str, str, Dict[str, List[str]]]] = []
        self.operator: Callable[[str], None] = lambda name: None
        """Called with a job's name, in a thread of its own, once it is created."""

        self.finalizers: List[str] = []
        """Jobs that are there until `let_go`, though they are deleted."""

        self.node_environment: Dict[str, str] = {}
        """Of the workers on a node that really runs them; where there is one, they have IPUs."""

        self.changed = threading.Condition()
        self.pods_made = 0

    def fails(self, times: int = 1, **what: Any) -> None:
        self.faults += [Fault(**what)] * times

    def asked(self, method: str, part: str = "") -> List[Dict[str, List[str]]]:
        """The queries of the requests so far."""
        return [query for asked, path, query in self.requests if asked == method and part in path]

    def status(self, name: str, **values: Any) -> None:
        with self.changed:
            self.jobs[name].setdefault("status", {}).update(values)

    def make_pod(self, name: str) -> None:
        """What the operator does for a job of that name."""
        with self.changed:
            self.pods_made += 1
            template = self.jobs[name]["spec"]["workers"]["template"]
            metadata = {"name": f"{name}-worker-0", "uid": f"uid-{self.pods_made}", **template["metadata"]}
            metadata["creationTimestamp"] = f"2026-11-25T10:00:{self.pods_made:02d}Z"
            self.pods[name] = Pod({"metadata": metadata, "status": {"phase": "Pending"}})

    def make_nodes(self, name: str, attempt: int = 0) -> None:
        """What Trainer does for a TrainJob of that name, first and again."""
        with self.changed:
            for index in range(self.jobs[name]["spec"]["trainer"]["numNodes"]):
                self.pods_made += 1
                labels = {
                    "jobset.sigs.k8s.io/jobset-name": name,
                    "jobset.sigs.k8s.io/restart-attempt": str(attempt),
                    "batch.kubernetes.io/job-completion-index": str(index),
                }
                made = {"name": f"{name}-node-0-{index}-x{attempt}", "uid": f"uid-{self.pods_made}", "labels": labels}
                handle = f"{name}.{index}" if index else name
                self.pods[handle] = Pod({"metadata": made, "status": {"phase": "Pending"}}, container="node")

    def set_condition(self, name: str, kind: str, reason: str, message: str = "", *, holds: bool = True) -> None:
        """What Trainer says of a TrainJob."""
        told = {"type": kind, "status": str(holds), "reason": reason, "message": message}
        now = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        with self.changed:
            status = self.jobs[name].setdefault("status", {})
            others = [one for one in status.get("conditions", []) if one["type"] != kind]
            status["conditions"] = [*others, {**told, "lastTransitionTime": now}]

    def start(self, name: str) -> None:
        self.show(name, phase="Running", state={"running": {}})

    def show(self, name: str, phase: str, state: Json, **status: Any) -> None:
        with self.changed:
            container = self.pods[name].container
            shown = {"phase": phase, "containerStatuses": [{"name": container, "state": state}], **status}
            self.pods[name].shown["status"] = shown
            self.changed.notify_all()

    def say(self, name: str, text: str, second: int = 0) -> None:
        """Have the worker say a line at so many seconds past ten."""
        with self.changed:
            pod = self.pods[name]
            stamp = f"2026-11-25T10:{second // 60:02d}:{second % 60:02d}.{len(pod.log):09d}Z"
            pod.log.append(f"{stamp} {text}\n".encode())
            self.changed.notify_all()

    def end(
        self, name: str, exit_code: int = 0, message: str = "", reason: str = "", at: str = "", **status: Any
    ) -> None:
        now = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        end = {"exitCode": exit_code, "message": message, "reason": reason, "finishedAt": at or now}
        state = {"terminated": end}
        self.show(name, "Failed" if exit_code else "Succeeded", state, **status)

    def evict(self, name: str) -> None:
        self.show(name, "Failed", {}, reason="Evicted", message="The node was low on resource: memory.")

    def remove(self, name: str) -> None:
        """Delete a job with its pods."""
        with self.changed:
            if name in self.finalizers:
                self.jobs[name]["metadata"]["deletionTimestamp"] = "2026-11-25T10:00:00Z"
            else:
                self.jobs.pop(name)
                self.pods = {key: pod for key, pod in self.pods.items() if key.partition(".")[0] != name}
            self.changed.notify_all()

    def let_go(self, name: str) -> None:
        with self.changed:
            self.finalizers.remove(name)
        self.remove(name)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    api: Kubernetes

    def do_POST(self) -> None:
        self._meet("POST", self._create)

    def do_GET(self) -> None:
        self._meet("GET", self._get)

    def do_DELETE(self) -> None:
        self._meet("DELETE", self._delete)

    def _meet(self, method: str, act: Callable[[], None]) -> None:
        parts = urlsplit(self.path)
        self.body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"null")
        self.place, self.query = parts.path, parse_qs(parts.query)
        with self.api.changed:
            self.api.requests.append((method, self.place, self.query))
            fitting = [one for one in self.api.faults if one.method == method and re.search(one.path, self.place)]
            self.fault = fitting[0] if fitting else Fault()
            if fitting:
                self.api.faults.remove(self.fault)
        if self.headers["Authorization"] != TOKEN:
            self._say(401, {"message": "Unauthorized"})
        elif self.fault.status:
            self._say(self.fault.status, {"message": self.fault.message}, self.fault.headers)
        elif self.fault.reset:
            self._reset()
        else:
            act()

    def _create(self) -> None:
        name = self.body["metadata"]["name"]
        with self.api.changed:
            there = name in self.api.jobs
            if not there:
                self.api.jobs[name] = self.body
        if there:
            self._say(409, {"message": f'{self._kind()} "{name}" already exists', "reason": "AlreadyExists"})
            return
        threading.Thread(target=self.api.operator, args=(name,), daemon=True).start()
        self._reset() if self.fault.lost else self._say(201, self.body)

    def _get(self) -> None:
        if self.place.endswith("/log"):
            self._send_log(self.place.split("/")[-2])
        elif re.fullmatch("/api/v1/namespaces/[^/]+/events", self.place):
            self._say(200, {"items": self.api.warnings})
        elif re.fullmatch("/api/v1/namespaces/[^/]+/pods", self.place):
            key, _, value = self.query["labelSelector"][0].partition("=")
            with self.api.changed:
                shown = [pod.shown for pod in self.api.pods.values()]
            self._say(200, {"items": [pod for pod in shown if pod["metadata"]["labels"].get(key) == value]})
        elif self.place.endswith(("/ipujobs", "/trainjobs")):
            key, _, value = self.query["labelSelector"][0].partition("=")
            with self.api.changed:
                jobs = list(self.api.jobs.values())
            self._say(200, {"items": [job for job in jobs if job["metadata"].get("labels", {}).get(key) == value]})
        else:
            name = self.place.rpartition("/")[2]
            with self.api.changed:
                job = self.api.jobs.get(name)
            self._say(200, job) if job else self._say(404, {"message": f'{self._kind()} "{name}" not found'})

    def _delete(self) -> None:
        name = self.place.rpartition("/")[2]
        if name not in self.api.jobs:
            self._say(404, {"message": f'{self._kind()} "{name}" not found'})
        else:
            self.api.remove(name)
            self._reset() if self.fault.lost else self._say(200, {"status": "Success"})

    def _send_log(self, pod_name: str) -> None:
        """Follow a pod's log from a second on, until the pod has ended."""
        named = {pod.shown["metadata"]["name"]: (name, pod) for name, pod in self.api.pods.items()}
        name, pod = named.get(pod_name, ("", None))
        if pod is None:
            self._say(404, {"message": f'pods "{pod_name}" not found'})
            return
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        since = self.query.get("sinceTime", [""])[0]
        sent, done, left = 0, False, self.fault.cut
        while not done:
            with self.api.changed:
                if len(pod.log) == sent and pod.shown["status"]["phase"] == "Running" and name in self.api.pods:
                    self.api.changed.wait(0.2)
                lines, sent = pod.log[sent:], len(pod.log)
                done = pod.shown["status"]["phase"] != "Running" or name not in self.api.pods
            text = b"".join(line for line in lines if line[:19].decode() + "Z" >= since)
            if left is not None and len(text) >= left:
                self._chunk(text[:left])
                self._reset()
                return
            if text:
                self._chunk(text)
        self.wfile.write(b"0\r\n\r\n")

    def _kind(self) -> str:
        """As the API calls the kind of the request's object."""
        group, kind = re.search(r"/apis/([^/]+)/.*/(ipujobs|trainjobs)", self.place).groups()  # type: ignore[union-attr]  # no other is asked for
        return f"{kind}.{group}"

    def _chunk(self, text: bytes) -> None:
        self.wfile.write(b"%x\r\n%s\r\n" % (len(text), text))
        self.wfile.flush()

    def _say(self, status: int, content: Json, headers: Optional[Dict[str, str]] = None) -> None:
        data = json.dumps(content).encode()
        self.send_response(status)
        for name, value in {"Content-Length": str(len(data)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def _reset(self) -> None:
        self.wfile.flush()
        time.sleep(0.05)  # so that what was sent arrives before the reset
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.connection.close()

    def finish(self) -> None:
        try:
            super().finish()
        except OSError:
            self.close_connection = True

    def log_message(self, *arguments: Any) -> None:
        """Stay silent."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *arguments: Any) -> None:
        """A client that goes is no error."""


@contextlib.contextmanager
def serving() -> Iterator[Kubernetes]:
    """Serve a new cluster's API on a port of its own."""
    api = Kubernetes()
    server = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"api": api}))
    api.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield api
    api.finalizers.clear()
    for name in list(api.jobs):
        api.remove(name)
    server.shutdown()
    thread.join()
    server.server_close()
