"""The log of a step's pod, from the API server, which keeps it when the pod is gone; and how the step ended, by it."""

import json
import re
from dataclasses import dataclass
from typing import Any, List, Optional, Tuple

import urllib3
from podtune.errors import BadInput, PodtuneError, TryAgainLater

from podtune_pipelines.cluster.client import Cluster
from podtune_pipelines.cluster.runs import Run
from podtune_pipelines.cluster.steps import Step

_LINES = 25
_BYTES = 1 << 16

_LAUNCHER = re.compile(r"[IWEF]\d{4} \d\d:\d\d:\d\d\.\d+ +\d+ \S+\] ")
"""How lines of KFP's launcher begin, which runs the step in its pod."""

_EXIT_CODE = re.compile(r"failed to execute component: exit status ([0-9]+)")
"""The launcher ends with 1 whatever the step's code is; this line of its log alone tells the code."""

_KILLED = "failed to execute component: signal: killed"


class NoLog(BadInput):
    """KFP has no log of a step: its pod was lost, still runs, or never started."""


@dataclass(frozen=True)
class Ending:
    """How a step's pod ended."""

    lines: Tuple[str, ...]
    """The last lines that the step itself wrote."""

    exit_code: Optional[int]
    """None where the log does not tell it."""

    message: str
    """One line on what went wrong; empty where nothing is known."""


def ending_of(cluster: Cluster, run: Run, step: Step) -> Ending:
    """Read how a step ended from its log; NoLog where there is none, such as of a pod that was lost."""
    log = _log_of(cluster, run, step)
    codes = [int(code) for line in log for code in _EXIT_CODE.findall(line)]
    own = _own_lines(log)
    errors = [line[len("error: ") :] for line in own if line.startswith("error: ")]
    message = errors[-1].rstrip(":") if errors else ""
    if any(_KILLED in line for line in log):
        message = "it was killed from outside, as when memory runs out: choose a smaller batch or request more memory"
    return Ending(tuple(own[-_LINES:]), codes[-1] if codes else None, message)


def _own_lines(log: List[str]) -> List[str]:
    """The step's own lines: without the launcher's, and the input that KFP prints first as JSON."""
    lines = [line for line in log if line.strip() and not _LAUNCHER.match(line)]
    ends = [number for number, line in enumerate(lines) if line == "}"]
    return lines[ends[-1] + 1 :] if ends else lines


def _log_of(cluster: Cluster, run: Run, step: Step) -> List[str]:
    problem: PodtuneError = NoLog(f"KFP does not say which pod {step.name} ran in")
    for node in step.nodes:
        try:
            return cluster.call(_read, cluster, run, node)  # type: ignore[no-any-return]  # call returns what _read does
        except PodtuneError as error:
            problem = error
    raise problem


def _read(cluster: Cluster, run: Run, node: str) -> List[str]:
    """Read the end of a node's log; the route has no method in KFP's client, and answers 200 with an error in it."""
    answer = cluster.client.runs.api_client.call_api(
        f"/apis/v1alpha1/runs/{run.id}/nodes/{node}/log",
        "GET",
        header_params={"Accept": "text/plain"},
        auth_settings=["Bearer"],
        _return_http_data_only=True,
        _preload_content=False,
    )
    with answer:
        text = _tail(answer, cluster.address.host)
    if text.startswith('{"error_message":'):
        raise NoLog(f"KFP has no log of {node}: {_reason(text)}")
    lines = text.split("\n")
    return ["".join(letter for letter in line if letter.isprintable() or letter == " ") for line in lines]


def _reason(text: str) -> str:
    try:
        return str(json.loads(text)["error_message"]).rpartition(": ")[2]
    except ValueError:  # longer than what was read
        return "its pod wrote none, or still runs"


def _tail(answer: Any, host: str) -> str:
    """The end of an answer of any length."""
    if "html" in answer.headers.get("content-type", ""):
        raise BadInput(f"{host} shows no logs")
    tail = b""
    try:
        for block in answer.stream(_BYTES):
            tail = (tail + block)[-_BYTES:]
    except urllib3.exceptions.HTTPError as error:
        raise TryAgainLater(f"{host} closed the connection while sending the log") from error
    return tail.decode("utf-8", errors="replace")
