"""Jobs, their pods and logs through the Kubernetes API; transient failures are waited out."""

import json
import logging
import time
from typing import Any, Dict, Iterator, List, Mapping, Optional
from urllib.parse import urlencode

import urllib3
from kubernetes import client, config
from urllib3.exceptions import HTTPError

from podtune.errors import BadInput, PodtuneError, TryAgainLater, is_passing
from podtune.jobs.kind import Kind
from podtune.jobs.work import NAME_LABEL
from podtune.jobs.worker_pod import PodLog, WorkerPod, chunks_of
from podtune.proxies import go_through_proxy

_LONGEST_PAUSE = 30.0
_TIMEOUT = urllib3.Timeout(connect=10, read=60)

_log = logging.getLogger(__name__)


class QuotaReached(TryAgainLater):
    """The namespace's quota of jobs is used up for now."""


class Cluster:
    """One kind of jobs in a namespace. Methods raise BadInput where the API refuses, TryAgainLater where it fails."""

    def __init__(self, api: client.ApiClient, kind: Kind, namespace: str, patience: float = 600.0) -> None:
        """`patience`: how many seconds of failing one request may take."""
        self.kind, self.namespace = kind, namespace
        self._api, self._patience = api, patience
        self._jobs = f"/apis/{kind.api}/namespaces/{namespace}/{kind.plural}"
        self._core = f"/api/v1/namespaces/{namespace}"

    def create(self, manifest: Mapping[str, Any]) -> bool:
        """Create a job; False, changing nothing, where one of its name exists; QuotaReached where none may be added.

        That may also be ours, made by a request whose answer was lost.
        """
        return self._ask("POST", self._jobs, body=manifest, otherwise=409) is not None

    def job(self, name: str) -> Optional[Dict[str, Any]]:
        """A job as it is now; None where there is none."""
        return self._ask("GET", f"{self._jobs}/{name}", otherwise=404)

    def jobs(self) -> List[Dict[str, Any]]:
        """Podtune's jobs."""
        selector = urlencode({"labelSelector": f"{NAME_LABEL}=podtune"})
        return list((self._ask("GET", f"{self._jobs}?{selector}") or {})["items"])

    def delete(self, name: str) -> None:
        """Delete a job with its pods; nothing happens where there is none."""
        self._ask("DELETE", f"{self._jobs}/{name}", body={"propagationPolicy": "Background"}, otherwise=404)

    def workers(self, name: str) -> List[WorkerPod]:
        """The newest pods of a job, the one whose log is printed first."""
        selector = urlencode({"labelSelector": self.kind.selector(name)})
        return self.kind.workers(list((self._ask("GET", f"{self._core}/pods?{selector}") or {})["items"]))

    def warning(self, name: str) -> str:
        """What the newest warning of a job says; empty where there is none."""
        selector = urlencode({"fieldSelector": f"involvedObject.name={name},type=Warning"})
        events = (self._ask("GET", f"{self._core}/events?{selector}") or {})["items"]
        newest: Mapping[str, Any] = max(events, key=lambda event: str(event.get("lastTimestamp")), default={})
        return " ".join(str(newest.get("message", "")).split())

    def log_lines(self, pod: str, log: PodLog, seconds: float) -> Iterator[str]:
        """A pod's new lines within so many seconds; nothing where its log cannot be read now."""
        log.complete = False
        query = {"container": self.kind.container, "follow": "true", "timestamps": "true"}
        if log.since:
            query["sinceTime"] = log.since
        timeout = urllib3.Timeout(connect=10, read=seconds)
        path = f"{self._core}/pods/{pod}/log?{urlencode(query)}"
        try:
            answer = ask_once(self._api, "GET", path, None, timeout, stream=True)
        except HTTPError:
            return
        if answer.status == 200:
            yield from log.lines(chunks_of(answer, seconds))
        else:
            log.complete = answer.status == 404  # the pod is gone
            _log.info("cannot read the log of %s now: %s", pod, _message_in(answer))

    def _ask(
        self, method: str, path: str, body: Optional[Mapping[str, Any]] = None, otherwise: int = 0
    ) -> Optional[Dict[str, Any]]:
        """The answer to a request, repeated while the API fails; None where its status is `otherwise`."""
        until, pause = time.monotonic() + self._patience, 1.0
        while True:
            try:
                answer = ask_once(self._api, method, path, body, _TIMEOUT)
                if answer.status == otherwise:
                    return None
                if answer.status < 300:
                    return json.loads(answer.data)  # type: ignore[no-any-return]  # the API's objects are mappings
                if not _passes(answer):
                    raise self._refusal(answer, method, path)
                reason, pause = _message_in(answer), max(pause, _retry_after(answer))
            except HTTPError as error:
                reason = " ".join(str(error).split())
            if time.monotonic() + pause > until:
                raise TryAgainLater(f"cannot {method} {path}: {reason}; try again later")
            _log.warning("cannot %s %s now: %s", method, path, reason)
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    def _refusal(self, answer: Any, method: str, path: str) -> PodtuneError:
        message = _message_in(answer)
        if answer.status == 403 and "exceeded quota" in message:
            return QuotaReached(f"cannot {method} {path}: {message}")
        if answer.status in (401, 403):
            needed = f"the step's service account needs the role for {self.kind.word}s in namespace {self.namespace}"
            return BadInput(f"cannot {method} {path}: access denied ({message}); {needed}")
        if answer.status == 404:
            return BadInput(
                f"cannot {method} {path}: {message}; install {self.kind.operator}, or correct the namespace"
            )
        return BadInput(f"cannot {method} {path}: the API answers {answer.status} ({message})")


def ask_once(
    api: client.ApiClient,
    method: str,
    path: str,
    body: Optional[Mapping[str, Any]],
    timeout: urllib3.Timeout,
    *,
    stream: bool = False,
) -> Any:
    """Make one request and return the answer, whatever its status; HTTPError where there is none.

    With the configuration's address, certificates and token, which is renewed.
    """
    headers = {"Accept": "application/json, */*", "Content-Type": "application/json"}
    api.update_params_for_auth(headers, [], ["BearerToken"])
    return api.rest_client.pool_manager.request(
        method,
        api.configuration.host + path,
        body=json.dumps(body) if body is not None else None,
        headers=headers,
        timeout=timeout,
        preload_content=not stream,
        retries=False,
    )


def open_cluster(kind: Kind) -> Cluster:
    """A kind's jobs in the cluster that this process is in, or that the kubeconfig names."""
    api = open_api()
    if api is None:
        raise BadInput("no Kubernetes API: neither a pod's service account nor a kubeconfig is here; set KUBECONFIG")
    return Cluster(api, kind, kind.namespace())


def open_api() -> Optional[client.ApiClient]:
    """A client with the pod's service account, or on a person's machine the kubeconfig; None where there is neither.

    The latter asks through the environment's proxy; a pod's API is in its own network.
    """
    configuration = client.Configuration()
    try:
        config.load_incluster_config(configuration)
    except config.ConfigException:
        try:
            config.load_kube_config(client_configuration=configuration)
        except config.ConfigException:
            return None
        go_through_proxy(configuration, configuration.host)
    return client.ApiClient(configuration)


def _passes(answer: Any) -> bool:
    """Whether the same request may succeed later."""
    return is_passing(answer.status) or answer.status == 410  # a list has expired and has to be requested anew


def _message_in(answer: Any) -> str:
    data = answer.data
    try:
        return str(json.loads(data)["message"])
    except (ValueError, KeyError, TypeError):
        return " ".join(data.decode("utf-8", "replace")[:200].split()) or f"status {answer.status}"


def _retry_after(answer: Any) -> float:
    value = answer.headers.get("Retry-After", "")
    return min(float(value), _LONGEST_PAUSE) if value.isdigit() else 0.0
