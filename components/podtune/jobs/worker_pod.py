"""A job's worker as the cluster shows it: the state of its pod, how that ended, and its log."""

import contextlib
import re
import time
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Dict, Iterator, Mapping, Optional

from urllib3.exceptions import HTTPError

from podtune.errors import PodtuneError, TryAgainLater, failure_of

_STAMP = re.compile(rb"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d+)?(Z|[+-]\d\d:\d\d)")
"""As the kubelet writes it before each line."""


@dataclass(frozen=True)
class WorkerPod:
    """What its step needs to know of a worker's pod and container."""

    name: str
    uid: str
    phase: str
    reason: str
    """Why the cluster ended the pod, such as Evicted; empty where it did not."""

    message: str
    waiting: str
    """Why the container does not run yet, such as ImagePullBackOff."""

    started: bool
    exit_code: Optional[int]
    exit_reason: str
    exit_message: str
    """The worker's termination message."""

    changed: str
    """ISO 8601, when its state changed last; empty where that is not known."""

    @property
    def ended(self) -> bool:
        """By its phase, or by its container's end: an injected sidecar may run on."""
        return self.phase in ("Succeeded", "Failed") or self.exit_code is not None

    @property
    def state(self) -> str:
        """One line for the person who waits."""
        return f"worker {self.name} is {joined(self.phase, self.waiting or self.reason, self.message)}"


def read_pod(pod: Mapping[str, Any], container: str) -> WorkerPod:
    """Read the API's object of a pod and of its container; most is missing where it is new."""
    metadata, status = pod["metadata"], pod.get("status", {})
    statuses, conditions = status.get("containerStatuses") or [], status.get("conditions") or []
    state: Dict[str, Any] = next((each["state"] for each in statuses if each["name"] == container), {})
    waiting, terminated = state.get("waiting", {}), state.get("terminated", {})
    return WorkerPod(
        name=metadata["name"],
        uid=metadata["uid"],
        phase=status.get("phase", "Pending"),
        reason=status.get("reason", ""),
        message=status.get("message", "") or waiting.get("message", ""),
        waiting=waiting.get("reason", ""),
        started="running" in state or "terminated" in state,
        exit_code=terminated.get("exitCode"),
        exit_reason=terminated.get("reason", ""),
        exit_message=" ".join(terminated.get("message", "").split()),
        changed=max([terminated.get("finishedAt") or "", *(one.get("lastTransitionTime") or "" for one in conditions)]),
    )


def seconds_of(time_text: str) -> Optional[float]:
    """Seconds since 1970 of a time that the API writes; None of an empty one."""
    return datetime.fromisoformat(time_text.replace("Z", "+00:00")).timestamp() if time_text else None


def failure_of_pod(pod: WorkerPod) -> Optional[PodtuneError]:
    """The error that a worker's pod ended with; None where it succeeded."""
    if pod.phase == "Succeeded" or pod.exit_code == 0:
        return None
    if pod.reason or pod.exit_code is None:
        reason = joined(pod.reason, pod.message) or "it did not say why"
        return TryAgainLater(f"the cluster ended {pod.name} ({reason}); start the step again, it continues")
    if pod.exit_reason == "OOMKilled":
        return PodtuneError(f"{pod.name} took more memory than its limit; raise the limit or use fewer accelerators")
    no_message = f"{pod.name} ended with exit code {pod.exit_code}; its log says why"
    return failure_of(pod.exit_code, pod.exit_message or no_message)


def joined(*parts: str) -> str:
    """The parts that are not empty, in one line."""
    return ": ".join(part for part in parts if part)


class PodLog:
    """One pod's log, line by line, each once, however often the connection is lost.

    The API takes whole seconds as a starting point, so the lines of the last second come again and are left out.
    """

    def __init__(self) -> None:
        self.since = ""
        """The second of the newest line; empty before the first."""

        self.complete = False
        """Whether the newest response ended in good order: nothing follows it where the pod has ended."""

        self._seen: "Counter[bytes]" = Counter()

    def lines(self, chunks: Iterator[bytes]) -> Iterator[str]:
        """The new lines of a response that begins at `since`; one that is cut off is left for the next response."""
        self.complete = False
        again = self._seen.copy()
        with contextlib.suppress(HTTPError):
            for raw in _split(chunks):
                if again[raw]:
                    again[raw] -= 1
                else:
                    yield self._record(raw)
            self.complete = True

    def _record(self, raw: bytes) -> str:
        stamp = _STAMP.match(raw)
        second = (stamp.group(1) + stamp.group(2)).decode("ascii") if stamp else ""
        if second > self.since:
            self.since = second
            self._seen.clear()
        if second == self.since:
            self._seen[raw] += 1
        return raw[stamp.end() + 1 if stamp else 0 :].decode("utf-8", "replace")


def chunks_of(response: Any, seconds: float) -> Iterator[bytes]:
    """Stream a log's response; raises HTTPError where the connection is lost, and after so many seconds."""
    until = time.monotonic() + seconds
    try:
        for chunk in response.stream():
            yield chunk
            if time.monotonic() > until:
                raise HTTPError("listened long enough")
    finally:
        response.close()


def _split(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Split into lines; the rest after the last one comes where the log has ended in good order."""
    rest = b""
    for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        yield from lines
    if rest:
        yield rest
