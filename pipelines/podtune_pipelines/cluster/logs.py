"""The end of a step's log, from where KFP's user interface takes it."""

from typing import Any, Tuple

import urllib3
from podtune.errors import BadInput, PodtuneError, TryAgainLater

from podtune_pipelines.cluster.client import Cluster
from podtune_pipelines.cluster.runs import Run, Step

_LINES = 20
_BYTES = 1 << 16


def last_lines(cluster: Cluster, run: Run, step: Step) -> Tuple[str, ...]:
    """The end of a step's log; PodtuneError where it is not available, such as where its pods are gone."""
    problem: PodtuneError = BadInput(f"KFP does not say which pod {step.name} ran in")
    for pod in step.pods:
        try:
            return cluster.call(_read, cluster, run, pod)  # type: ignore[no-any-return]  # call returns what _read does
        except PodtuneError as error:
            problem = error
    raise problem


def _read(cluster: Cluster, run: Run, pod: str) -> Tuple[str, ...]:
    """Read from the address that KFP's pages use; it is not part of the API, and only a user interface has it."""
    query = {"podname": pod, "podnamespace": cluster.address.namespace, "createdat": (run.created or "")[:10]}
    answer = cluster.client.runs.api_client.call_api(
        "/k8s/pod/logs",
        "GET",
        query_params=[(key, value) for key, value in query.items() if value],
        header_params={"Accept": "text/plain"},
        auth_settings=["Bearer"],
        _host=(cluster.address.ui or cluster.address.host).rstrip("/"),
        _return_http_data_only=True,
        _preload_content=False,
    )
    with answer:
        return _tail(answer, cluster.address.host)


def _tail(answer: Any, host: str) -> Tuple[str, ...]:
    """The last lines of an answer of any length, without terminal control characters."""
    if "html" in answer.headers.get("content-type", ""):
        raise BadInput(f"{host} shows no logs")
    tail = b""
    try:
        for block in answer.stream(_BYTES):
            tail = (tail + block)[-_BYTES:]
    except urllib3.exceptions.HTTPError as error:
        raise TryAgainLater(f"{host} closed the connection while sending the log") from error
    lines = tail.decode("utf-8", errors="replace").split("\n")
    printable = ["".join(letter for letter in line if letter.isprintable()) for line in lines if line.strip()]
    return tuple(printable[-_LINES:])
