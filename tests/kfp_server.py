"""A KFP cluster in this process: the part of its API that podtune calls, with a state and with faults.

It answers as KFP 2.17.0 with Argo Workflows 4.0.5 was recorded to: `pipelines/recorded` holds what whole runs looked
like, as [display name, state, start, end, children] for each of Argo's nodes.
"""

import json
import re
import sys
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence
from urllib.parse import parse_qs

import kfp_server_api

Json = Dict[str, Any]

API = "/apis/v2beta1/"
LONG_AGO, NEVER = "1970-01-01T00:00:00Z", "0001-01-01T00:00:00Z"
"""How KFP spells the end of a run, and of a task, that has not come yet."""

RECORDED = Path(__file__).parent / "pipelines" / "recorded"
CODES = {400: 3, 401: 16, 403: 7, 404: 5, 409: 6, 500: 13}
"""HTTP's status to gRPC's code in the answer."""


class Refused(Exception):
    """An answer other than 200."""


@dataclass
class Fault:
    """What goes wrong with the next request that matches, so many times."""

    method: str
    path: str
    """A regular expression of the path's end."""

    what: Any
    """A status; or `reset`, before anything is done; or `lost`, after it is done; or `page`, a web page; or
    `login`, a redirect to one."""

    times: int = 1


@dataclass
class FakeKfp:
    """The state of the cluster, and what it is made to do."""

    token: str = ""
    multi_user: bool = False
    page: int = 100
    """The most that one page of a list holds."""

    progress: List[Any] = field(default_factory=lambda: [("SUCCEEDED", {})])
    """What each look at a run finds, the last for ever: its state and its steps' states; or the name of a recording."""

    logs: Dict[str, str] = field(default_factory=dict)
    """Step, or the end of a node's ID, to what its pod wrote."""

    workflows_gone: bool = False
    """Whether the runs' workflows were deleted behind KFP's back."""

    hidden: List[str] = field(default_factory=list)
    """Kinds of things whose next list is empty: another made them a moment later."""

    faults: List[Fault] = field(default_factory=list)
    requests: List[str] = field(default_factory=list)
    """Method and path of each, in their order."""

    experiments: Dict[str, Json] = field(default_factory=dict)
    pipelines: Dict[str, Json] = field(default_factory=dict)
    versions: Dict[str, Json] = field(default_factory=dict)
    runs: Dict[str, Json] = field(default_factory=dict)
    recurring: Dict[str, Json] = field(default_factory=dict)
    uploads: List[bytes] = field(default_factory=list)
    proxy_users: List[Optional[str]] = field(default_factory=list)
    """Who asked for each of another host's addresses, for which this is the proxy."""

    killed: List[str] = field(default_factory=list)
    """IDs of runs whose workflows went with their schedule: they are RUNNING for ever."""

    host: str = ""
    looks: int = 0
    made: int = 0

    def fail(self, method: str, path: str, what: Any, times: int = 1) -> None:
        self.faults.append(Fault(method, path, what, times))

    def fault_of(self, method: str, path: str) -> Any:
        for fault in self.faults:
            if fault.times and fault.method == method and re.search(f"{fault.path}$", path):
                fault.times -= 1
                return fault.what
        return None

    def asked(self, method: str, path: str) -> int:
        """How often that was asked for."""
        return sum(bool(re.search(f"^{method} .*{path}$", request)) for request in self.requests)

    def answer(self, method: str, path: str, query: Dict[str, str], body: bytes) -> Json:
        """Do what a request asks for."""
        routes = [
            ("GET healthz", lambda: {"multi_user": self.multi_user}),
            ("GET experiments", lambda: self._list("experiments", self.experiments, query)),
            ("POST experiments", lambda: self._make_experiment(json.loads(body))),
            ("GET pipelines", lambda: self._list("pipelines", self.pipelines, query)),
            ("POST pipelines", lambda: self._make_pipeline(json.loads(body))),
            ("POST pipelines/upload_version", lambda: self._upload(query, body)),
            ("GET pipelines/([^/]+)/versions", lambda id: self._list("pipeline_versions", self._of(id), query)),
            ("GET runs", lambda: self._list("runs", self.runs, query)),
            ("POST runs", lambda: self._start(json.loads(body))),
            ("GET runs/([^/]+)", self._look),
            ("POST runs/([^/]+):(terminate|retry)", self._change),
            ("DELETE runs/([^/]+)", self._forget),
            ("GET recurringruns", lambda: self._list("recurringRuns", self.recurring, query)),
            ("POST recurringruns", lambda: self._schedule(json.loads(body))),
            ("GET recurringruns/([^/]+)", self._schedule_of),
            ("POST recurringruns/([^/]+):(enable|disable)", self._switch),
            ("DELETE recurringruns/([^/]+)", self._delete),
        ]
        for route, act in routes:
            found = re.fullmatch(route, f"{method} {path}")
            if found:
                return act(*found.groups())  # type: ignore[no-any-return, operator]  # each takes what its route names
        raise Refused(404, f"{method} {path} is not in the fake")

    def log_of(self, run: str, node: str) -> str:
        """A node's log; what it has none for is answered with 200, too."""
        if run not in self.runs:
            return _error_inside(f"due to run fetching error: ResourceNotFoundError: Run {run} not found")
        for name, log in self.logs.items():
            if node.endswith(f"-{name}"):
                return log
        missing = "NoSuchKey: The specified key does not exist."
        return _error_inside(f"InternalServerError: Failed to read logs from archive {node} due to error: {missing}")

    def _identity(self, kind: str) -> str:
        self.made += 1
        return f"{kind}-{self.made:04}"

    def _time(self) -> str:
        return f"2026-11-25T12:{self.made // 60:02}:{self.made % 60:02}Z"

    def _list(self, key: str, things: Dict[str, Json], query: Dict[str, str]) -> Json:
        found = list(things.values())
        if key in self.hidden:
            self.hidden.remove(key)
            found = []
        if "experiment_id" in query:
            found = [thing for thing in found if thing["experiment_id"] == query["experiment_id"]]
        for predicate in json.loads(query.get("filter") or "{}").get("predicates", []):
            assert predicate["operation"] in ("EQUALS", 1)
            assert predicate["key"] in ("display_name", "recurring_run_id")
            found = [thing for thing in found if thing.get(predicate["key"]) == predicate["stringValue"]]
        if query.get("sort_by") == "created_at desc":
            found.sort(key=lambda thing: str(thing["created_at"]), reverse=True)
        start = int(query.get("page_token") or 0)
        end = start + min(int(query.get("page_size") or 10), self.page)
        following = {"next_page_token": str(end)} if end < len(found) else {}
        return {key: found[start:end], **following}

    def _make_experiment(self, body: Json) -> Json:
        _check(body, kfp_server_api.V2beta1Experiment)
        if any(one["display_name"] == body["display_name"] for one in self.experiments.values()):
            raise Refused(409, "the experiment already exists")
        made = {**body, "experiment_id": self._identity("experiment")}
        return self.experiments.setdefault(made["experiment_id"], made)

    def _make_pipeline(self, body: Json) -> Json:
        _check(body, kfp_server_api.V2beta1Pipeline)
        if any(one["display_name"] == body["display_name"] for one in self.pipelines.values()):
            raise Refused(409, "Failed to create a new pipeline. The name already exists")
        made = {**body, "pipeline_id": self._identity("pipeline")}
        return self.pipelines.setdefault(made["pipeline_id"], made)

    def _of(self, pipeline: str) -> Dict[str, Json]:
        return {key: version for key, version in self.versions.items() if version["pipeline_id"] == pipeline}

    def _upload(self, query: Dict[str, str], body: bytes) -> Json:
        if query["pipelineid"] not in self.pipelines:
            raise Refused(404, "Pipeline not found")
        if any(one["display_name"] == query["name"] for one in self._of(query["pipelineid"]).values()):
            raise Refused(409, "Failed to create a new pipeline version. The name already exist")
        self.uploads.append(body)
        made = {"pipeline_version_id": self._identity("version"), "display_name": query["name"]}
        return self.versions.setdefault(made["pipeline_version_id"], {**made, "pipeline_id": query["pipelineid"]})

    def _check_references(self, body: Json) -> None:
        reference = body["pipeline_version_reference"]
        if reference["pipeline_version_id"] not in self._of(reference["pipeline_id"]):
            version = reference["pipeline_version_id"]
            raise Refused(500, f"ResourceNotFoundError: PipelineVersion {version} not found")
        if body["experiment_id"] not in self.experiments:
            raise Refused(404, "Experiment not found")

    def _start(self, body: Json) -> Json:
        _check(body, kfp_server_api.V2beta1Run)
        self._check_references(body)
        made = {**body, "run_id": self._identity("run"), "state": "PENDING", "finished_at": LONG_AGO}
        return self.runs.setdefault(made["run_id"], {**made, "created_at": self._time()})

    def _look(self, identity: str) -> Json:
        run = self._run(identity)
        if identity in self.killed:
            return run
        look = self.progress[min(self.looks, len(self.progress) - 1)]
        self.looks += 1
        if isinstance(look, str):
            return {**run, **recorded(look)}
        state, steps = look
        return {**run, "state": state, "run_details": {"task_details": _details(steps)}}

    def _run(self, identity: str) -> Json:
        if identity not in self.runs:
            raise Refused(404, f"Failed to fetch run {identity}: ResourceNotFoundError: Run {identity} not found")
        return self.runs[identity]

    def _change(self, identity: str, verb: str) -> Json:
        """Terminate or retry: the run's state changes at once, as its history does."""
        run = self._run(identity)
        if self.workflows_gone or identity in self.killed:
            raise Refused(500, f'Failed to {verb} a run: workflows.argoproj.io "podtune-x7k2p" not found')
        run["state"] = "CANCELING" if verb == "terminate" else "RUNNING"
        return {}

    def _forget(self, identity: str) -> Json:
        self._run(identity)
        del self.runs[identity]
        return {}

    def _schedule(self, body: Json) -> Json:
        _check(body, kfp_server_api.V2beta1RecurringRun)
        self._check_references(body)
        if not 1 <= int(body["max_concurrency"]) <= 10:
            raise Refused(400, "Max concurrency of a recurring run must be at least 1 and at most 10")
        status = "ENABLED" if body.pop("mode") == "ENABLE" else "DISABLED"
        made = {**body, "recurring_run_id": self._identity("schedule"), "created_at": self._time()}
        return self.recurring.setdefault(made["recurring_run_id"], {**made, "status": status})

    def _schedule_of(self, identity: str) -> Json:
        if identity not in self.recurring:
            raise Refused(404, f"Failed to fetch a recurring run: ResourceNotFoundError: Job {identity} not found")
        return self.recurring[identity]

    def _switch(self, identity: str, to: str) -> Json:
        self._schedule_of(identity)
        enabled = to == "enable"
        if enabled and self.recurring[identity]["status"] == "DISABLED":
            self.start_scheduled(identity)  # the newest time that was missed, also with no_catchup
        self.recurring[identity]["status"] = "ENABLED" if enabled else "DISABLED"
        return {}

    def start_scheduled(self, schedule: str) -> str:
        """What the scheduler does at a schedule's time; return the run's ID."""
        keys = ("display_name", "experiment_id", "pipeline_version_reference")
        kept = {key: self.recurring[schedule][key] for key in keys}
        run = {**kept, "run_id": self._identity("run"), "recurring_run_id": schedule, "created_at": self._time()}
        self.runs[run["run_id"]] = {**run, "state": "RUNNING", "finished_at": LONG_AGO}
        return str(run["run_id"])

    def _delete(self, identity: str) -> Json:
        self._schedule_of(identity)
        del self.recurring[identity]
        for run in self.runs.values():  # it owned their workflows, of whose end nobody tells KFP
            if run.get("recurring_run_id") == identity and run["state"] == "RUNNING":
                self.killed.append(run["run_id"])
        return {}


def _check(body: Json, model: Any) -> None:
    """Refuse what the published schema does not know."""
    unknown = set(body) - set(model.attribute_map.values())
    if unknown:
        raise Refused(400, f"unknown field {min(unknown)}")


def recorded(name: str) -> Json:
    """A run as KFP was recorded to show it."""
    record = json.loads((RECORDED / f"{name}.json").read_text(encoding="utf-8"))
    day, workflow = record["created_at"][:11], record.pop("workflow")
    nodes = [
        _node(display_name, state, day + start, end if end[4] == "-" else day + end, [workflow + id for id in children])
        for display_name, state, start, end, children in record.pop("nodes")
    ]
    return {**record, "run_details": {"task_details": nodes}}


def _node(name: Optional[str], state: Optional[str], start: str, end: str, children: Sequence[str]) -> Json:
    known = {"display_name": name, "state": state}
    tasks = [{"pod_name": child} for child in children]
    return {
        **{key: value for key, value in known.items() if value},
        "start_time": start,
        "end_time": end,
        **({"child_tasks": tasks} if tasks else {}),
    }


def _details(steps: Dict[str, str]) -> List[Json]:
    """Argo's nodes of a workflow whose steps have these states; PENDING is a step whose pod has not started."""
    workflow, day = "podtune-x7k2p", "2026-11-25T12:0"
    nodes = [
        _node(name, "RUNNING", f"{day}0:00Z", NEVER, []) for name in (workflow, f"{workflow}(0)", "root", "root(0)")
    ]
    nodes += [_node(name, "SUCCEEDED", f"{day}0:01Z", f"{day}0:02Z", []) for name in ("root-driver", "root-driver(0)")]
    nodes.append(_node(None, None, f"{day}0:02Z", f"{day}0:02Z", []))
    for number, (step, state) in enumerate(steps.items(), start=3):
        begun, ended = f"{day}0:{number:02}Z", f"{day}1:{number:02}Z"
        if state == "OMITTED":
            nodes.append(_node(step, None, begun, begun, []))
            continue
        if state == "SKIPPED":
            nodes += [_node("executor", "SKIPPED", begun, begun, [])]
            nodes += [_node(name, "SUCCEEDED", begun, begun, []) for name in (step, f"{step}(0)")]
            continue
        shown, end = "RUNNING" if state == "PENDING" else state, ended if state in ("SUCCEEDED", "FAILED") else NEVER
        tries = [f"{workflow}-{step}"]
        nodes += [_node(f"{step}-driver", "SUCCEEDED", begun, begun, []), _node("executor", shown, begun, end, tries)]
        nodes += [_node(name, shown, begun, end, [f"{workflow}-node"]) for name in (step, f"{step}(0)")]
        nodes.append(_node("executor(0)", state, begun, end, []))
    return nodes


def _error_inside(message: str) -> str:
    whole = f"BadRequestError: Failed to read logs for run: {message}"
    return json.dumps({"error_message": whole, "error_details": whole}, separators=(",", ":"))


class Server(ThreadingHTTPServer):
    def __init__(self, fake: FakeKfp) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.fake = fake

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exc_info()[1], ConnectionError):  # a client that left is no error
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # one packet an answer
    server: Any

    def do_GET(self) -> None:
        path, query = self.path.partition("?")[::2]
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        fake = self.server.fake
        fake.requests.append(f"{self.command} {path}")
        if "://" in path:
            fake.proxy_users.append(self.headers.get("proxy-authorization"))
            path = path[path.index(API) :]
        fault = fake.fault_of(self.command, path)
        if fault == "reset":
            self.close_connection = True
        elif fault == "page":
            self._send(200, b"<!doctype html><title>Log in</title>", "text/html")
        elif fault == "login":
            self._send(302, b"", "text/plain", location="https://dex.invalid/auth?client_id=kubeflow")
        elif isinstance(fault, int):
            self._send_json(fault, {"message": f"the fake answers {fault}"})
        elif fault == "lost":
            fake.answer(self.command, path.removeprefix(API), {}, body)
            self.close_connection = True
        else:
            self._answer(fake, path, query={key: values[-1] for key, values in parse_qs(query).items()}, body=body)

    do_POST = do_DELETE = do_GET  # noqa: N815  # the names that the server looks for

    def do_CONNECT(self) -> None:  # the name that the server looks for
        self._send(403, b"", "text/plain")

    def _answer(self, fake: FakeKfp, path: str, *, query: Dict[str, str], body: bytes) -> None:
        given = self.headers.get("authorization")
        if fake.token and given != f"Bearer {fake.token}":
            self._send_json(401, {"message": f"{given} is not known"})
            return
        try:
            log = re.fullmatch("/apis/v1alpha1/runs/([^/]+)/nodes/([^/]+)/log", path)
            if log:
                self._send(200, fake.log_of(*log.groups()).encode(), "text/plain; charset=utf-8")
            else:
                found = fake.answer(self.command, path.removeprefix(API), query, body)
                self._send_json(200, found)
        except Refused as refusal:
            status, message = refusal.args
            self._send_json(status, {"code": CODES[status], "message": message, "details": []})

    def _send_json(self, status: int, content: Json) -> None:
        self._send(status, json.dumps(content).encode(), "application/json")

    def _send(self, status: int, content: bytes, kind: str, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *arguments: Any) -> None:
        pass
