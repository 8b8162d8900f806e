"""A worker of a job: fetches a step's inputs, runs the step, and leaves its output at the job's location.

Of the nodes of a TrainJob each runs one, and the first leaves the output.

python -m podtune.jobs.worker '{"step": "finetune", …}' SCRATCH, which is what the manifest of a job says.
"""

import json
import logging
import os
import ssl
import sys
import urllib.request
from pathlib import Path
from typing import Callable, Dict, List

from podtune.errors import Interrupted, PodtuneError, ending_cleanly
from podtune.jobs.ipujob import API_VERSION
from podtune.jobs.work import LEASE, OUTPUT, Work
from podtune.sections import read_section
from podtune.stores.lease import LeaseWatch
from podtune.stores.opening import open_store
from podtune.stores.sealed_objects import bring, is_sealed, send
from podtune.training import torchrun
from podtune.training.step_process import noticing_signals, run_step

_GRACE_SECONDS = 300.0
"""For the step to write a checkpoint in, once it was asked to end."""

_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
"""Of the pod: its token, its namespace and the API's CA certificate; a TrainJob's pods have none."""

_NOBODY_WAITS = "nobody waits for it any more"

_log = logging.getLogger(__name__)


def run(work: Work, scratch: Path) -> None:
    """Do the work unless its output exists, as after a pod that ended right after the upload."""
    store = open_store(work.location)
    if is_sealed(store, OUTPUT):
        _log.info("%s/%s is there already", work.location, OUTPUT)
        return
    with noticing_signals() as stopping:
        inputs = _bring(work.inputs, scratch)
        watch = LeaseWatch(store, LEASE, work.lease_seconds)
        try:
            _run_step(work, {**inputs, work.output: scratch / work.output}, watch, stopping)
            if torchrun.is_first():
                _log.info("sending the output to %s", work.location)
                send(store, OUTPUT, scratch / work.output)
        finally:
            if watch.is_lost() and (_ACCOUNT / "token").exists():
                _delete_own_job(work.location.rpartition("/")[2])


def _bring(inputs: Dict[str, str], scratch: Path) -> Dict[str, Path]:
    """Download the inputs, unless an earlier call did."""
    paths = {name: scratch / name for name in inputs}
    for name, uri in inputs.items():
        if not paths[name].exists():
            _log.info("fetching %s from %s", name, uri)
            bring(open_store(uri), "", paths[name])
    return paths


def _run_step(work: Work, paths: Dict[str, Path], watch: LeaseWatch, stopping: Callable[[], bool]) -> None:
    """Run the step in a process of its own, which can be ended even while a compiler takes minutes."""
    reasons: List[str] = []

    def ending() -> bool:
        if stopping() or watch.is_lost():
            reasons.append("it was asked to" if stopping() else _NOBODY_WAITS)
            _log.warning("the step has to end: %s", reasons[0])
        return bool(reasons)

    try:
        run_step([sys.executable], work.step, {**work.arguments, **paths}, ending, grace=_GRACE_SECONDS)
    except PodtuneError as error:
        # What stopped all nodes may be that another one has missed the lease a moment earlier
        if _NOBODY_WAITS in reasons or (isinstance(error, Interrupted) and not stopping() and watch.is_failing()):
            reason = f"the worker ended because {_NOBODY_WAITS}; start the step again, it continues"
            raise PodtuneError(reason) from error  # a TrainJob whose node ends with 75 or 143 is started again
        raise


def _delete_own_job(name: str) -> None:
    """Delete the IPUJob of this worker, which its step would. The IPU image has no Kubernetes client."""
    try:
        namespace, token = ((_ACCOUNT / file).read_text().strip() for file in ("namespace", "token"))
        url = f"{_api()}/apis/{API_VERSION}/namespaces/{namespace}/ipujobs/{name}"
        request = urllib.request.Request(url, method="DELETE", headers={"Authorization": f"Bearer {token}"})  # noqa: S310
        trusted = ssl.create_default_context(cafile=str(_ACCOUNT / "ca.crt"))
        urllib.request.urlopen(request, timeout=60, context=trusted).close()  # noqa: S310  # the cluster's own API
    except OSError as error:
        _log.warning("IPUJob %s stays until another step deletes it: %s", name, error)


def _api() -> str:
    """The address of the Kubernetes API; its name is not known to pods in the host's network."""
    return f"https://{os.environ['KUBERNETES_SERVICE_HOST']}:{os.environ['KUBERNETES_SERVICE_PORT']}"


if __name__ == "__main__":
    with ending_cleanly():
        run(read_section(Work, json.loads(sys.argv[1]), "work"), Path(sys.argv[2]))
