"""The life of one job, from its creation to its end, for the step that waits for it."""

import contextlib
import logging
import signal
import sys
import time
from dataclasses import dataclass
from typing import Any, Iterator, List, Mapping, NoReturn

from podtune.errors import BadInput, Interrupted, PodtuneError, TryAgainLater
from podtune.jobs.cluster import Cluster, QuotaReached
from podtune.jobs.kind import is_leaving
from podtune.jobs.worker_pod import PodLog, WorkerPod
from podtune.signals import SIGNALS, handling
from podtune.stores.lease import Lease

_HOPELESS = ("CreateContainerConfigError", "ErrImagePull", "ImagePullBackOff", "InvalidImageName")
"""Reasons why a container waits that seldom pass."""

_TRIES = 20
"""Of reading the log of a worker that has ended."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Pace:
    """How long things may take, in seconds."""

    poll: float = 2.0
    """Between two looks at a job that does not run."""

    listen: float = 20.0
    """To the log between two looks."""

    start: float = 6 * 60 * 60.0
    """Until a worker runs: accelerators may be taken, or the operator down."""

    hopeless: float = 300.0
    """Until an image that cannot be pulled, and the like, is given up."""

    leave: float = 300.0
    """Until a job that was deleted is gone, or that ended is taken for one that nobody waits for."""


class JobLife:
    """One job of a cluster, and the lease that keeps its worker at work."""

    def __init__(self, cluster: Cluster, manifest: Mapping[str, Any], lease: Lease, pace: Pace = Pace()) -> None:
        self._cluster, self._manifest, self._lease, self._pace = cluster, manifest, lease, pace
        self._name, self._kind = str(manifest["metadata"]["name"]), cluster.kind
        self._what = f"{cluster.kind.word} {self._name}"
        self._log, self._pod_uid, self._state = PodLog(), "", ""
        self._idle_since = time.monotonic()

    def run(self) -> None:
        """Create the job or join it, print its log, and wait; raise its worker's failure; delete the job.

        SIGTERM and SIGINT end it with Interrupted; while the job is being deleted they change nothing.
        """
        with _raising_on_signals(f"{self._what} was cancelled, as its step was"), self._lease:
            try:
                self._create_or_join()
                self._follow()
            finally:
                _ignore_signals()
                self._delete()

    def _create_or_join(self) -> None:
        """Join a job that runs; replace one that ended without leaving its output, or is about to go."""
        until = time.monotonic() + self._pace.leave
        while not self._create():
            job = self._cluster.job(self._name)
            if job and not is_leaving(job) and not self._kind.has_ended(job, self._cluster.workers(self._name)):
                _log.info("joining %s, which runs in %s", self._what, self._cluster.namespace)
                return
            if time.monotonic() > until:
                raise TryAgainLater(f"an earlier {self._what} does not go away; look whether its operator runs")
            self._cluster.delete(self._name)
            time.sleep(self._pace.poll)
        _log.info("created %s in %s", self._what, self._cluster.namespace)

    def _create(self) -> bool:
        """Create the job once there is room in the quota; False where one of its name exists."""
        until, logged = time.monotonic() + self._pace.start, False
        while True:
            self._sweep()
            try:
                return self._cluster.create(self._manifest)
            except QuotaReached as full:
                if time.monotonic() > until:
                    raise
                if not logged:
                    _log.warning("waiting for room: %s", full)
                    logged = True
                time.sleep(self._pace.listen)

    def _sweep(self) -> None:
        """Delete podtune's jobs that ended minutes ago: the steps that waited for them are gone."""
        try:
            for job in self._cluster.jobs():
                name = job["metadata"]["name"]
                end = self._kind.end_of(job, self._cluster.workers(name))
                if end is not None and time.time() > end + self._pace.leave and not is_leaving(job):
                    _log.info("deleting %s %s, which ended and was left behind", self._kind.word, name)
                    self._cluster.delete(name)
        except PodtuneError as error:
            _log.warning("%ss that were left behind stay: %s", self._kind.word, error)

    def _follow(self) -> None:
        """Poll the job and its log until it ends; no state is kept that a lost connection could make wrong."""
        while True:
            job = self._cluster.job(self._name)
            if job is None or is_leaving(job):
                gone = "was deleted by somebody else; start the step again, it continues"
                raise PodtuneError(f"{self._what} {gone}")
            pods = self._cluster.workers(self._name)
            warning = self._cluster.warning(self._name) if self._kind.warns and not pods else ""
            state = self._kind.state_of(job, pods, warning)
            if state != self._state:
                _log.info("%s: %s", self._what, state)
                self._state = state
            if pods and pods[0].started:
                self._print_log(pods[0])
                self._read_rest(pods[0])
            if self._kind.has_ended(job, pods):
                failure = self._kind.failure_in(job, pods)
                if failure:
                    raise failure
                return
            self._require_progress(job, pods)
            time.sleep(self._pace.poll)

    def _print_log(self, pod: WorkerPod) -> None:
        """Print the worker's new lines; from the start, where the pod was replaced by another."""
        if pod.uid != self._pod_uid:
            self._log, self._pod_uid = PodLog(), pod.uid
        for line in self._cluster.log_lines(pod.name, self._log, self._pace.listen):
            sys.stderr.write(f"{line}\n")
            sys.stderr.flush()

    def _read_rest(self, pod: WorkerPod) -> None:
        """Read the log of a worker that has ended to its end, or until it cannot be read."""
        tries = _TRIES if pod.ended else 0
        while tries and not self._log.complete:
            time.sleep(self._pace.poll)
            self._print_log(pod)
            tries -= 1
        if pod.ended and not self._log.complete:
            _log.warning("the end of the log of %s cannot be read", pod.name)

    def _require_progress(self, job: Mapping[str, Any], pods: List[WorkerPod]) -> None:
        """Raise where a worker has not started for too long."""
        now = time.monotonic()
        if self._kind.is_queued(job) or any(pod.started for pod in pods):
            self._idle_since = now
        if now > self._idle_since + self._pace.start:
            raise TryAgainLater(f"{self._what} got no worker in {self._pace.start:.0f} s: {self._state}")
        if any(pod.waiting in _HOPELESS for pod in pods) and now > self._idle_since + self._pace.hopeless:
            raise BadInput(f"{self._what} cannot start: {self._state}; correct the image or the cluster")

    def _delete(self) -> None:
        """Delete the job; where that fails, the worker ends by itself, as nobody renews the lease."""
        try:
            self._cluster.delete(self._name)
        except PodtuneError as error:
            _log.warning("%s is left to end by itself: %s", self._what, error)


@contextlib.contextmanager
def _raising_on_signals(message: str) -> Iterator[None]:
    """Raise Interrupted where a signal arrives; only the first."""

    def interrupt(number: int, frame: Any) -> NoReturn:  # noqa: ARG001  # the signature of a handler
        _ignore_signals()
        raise Interrupted(message)

    with handling(interrupt):
        yield


def _ignore_signals() -> None:
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
