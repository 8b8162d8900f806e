"""The checks for what is going to be used: independent, run at the same time, each within a time limit."""

import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Iterator, List

from podtune.errors import PodtuneError, from_os_error
from podtune.jobs.cluster import open_api
from podtune.jobs.work import jobs_namespace
from podtune.steps.table import STEPS

from podtune_pipelines.cluster.pods import KFP_NAMESPACE
from podtune_pipelines.doctor import machine
from podtune_pipelines.doctor.findings import Finding, failed, plain, refused
from podtune_pipelines.doctor.images import check_images
from podtune_pipelines.doctor.kubernetes_api import check_kubernetes
from podtune_pipelines.doctor.orchestrators import check_argo, check_retries
from podtune_pipelines.doctor.servers import check_hub, check_kfp
from podtune_pipelines.doctor.store import CHECKPOINTS, RELEASES, check_store
from podtune_pipelines.doctor.trainer import check_trainer
from podtune_pipelines.doctor.walls import check_walls
from podtune_pipelines.placement import Placement


@dataclass(frozen=True)
class Check:
    """A named check."""

    about: str
    run: Callable[[], Iterator[Finding]]
    """Yields findings as it goes; an error becomes the last one."""


def checks_of(  # as many as the command has options
    placement: Placement, home: Path, *, store: str, workspace: str, host: str, namespace: str = "", argo: str = ""
) -> List[Check]:
    """All checks for what is going to be used; `argo` is a namespace for Argo without KFP."""
    device, pods, elsewhere = placement.device, placement.pods, bool(host or argo)
    gpus = sorted({pods.of(name).gpus.resource for name, step in STEPS.items() if step.on_accelerator})
    return [
        Check("packages", machine.check_packages),
        Check("home", lambda: machine.check_home(home)),
        Check("processor", machine.check_processor),
        Check("GPUs", lambda: machine.check_gpus(required=device == "gpu", elsewhere=elsewhere)),
        *([Check("IPUs", lambda: machine.check_ipus(elsewhere))] if device == "ipu" else []),
        Check("Hub", check_hub),
        Check("store", lambda: check_store(store, RELEASES)),
        *([Check("workspace", lambda: check_store(workspace, CHECKPOINTS))] if workspace else []),
        *([] if argo and not host else [Check("KFP", lambda: check_kfp(host))]),
        *([Check("KFP's retries", lambda: check_retries(namespace))] if host else []),
        *([Check("Argo", lambda: check_argo(argo, device, gpus))] if argo else []),
        *([Check("network policies", lambda: check_walls(_namespaces(device, namespace, argo)))] if elsewhere else []),
        Check("Kubernetes", lambda: check_kubernetes(device, jobs_namespace(), gpus)),
        *([Check("Kubeflow Trainer", lambda: _trainer(argo or namespace or "podtune"))] if placement.nodes else []),
        Check("images", lambda: check_images(placement.image_names)),
    ]


def _trainer(namespace: str) -> Iterator[Finding]:
    api = open_api()
    return check_trainer(api, namespace) if api else iter(())  # of which the check of Kubernetes tells


def _namespaces(device: str, namespace: str, argo: str) -> List[str]:
    """Where a run's pods are: KFP with one user runs them in its own namespace."""
    return [argo or namespace or KFP_NAMESPACE, *([jobs_namespace()] if device == "ipu" else [])]


def examine(checks: List[Check], seconds: float) -> List[Finding]:
    """Run all checks at once; return their findings in order. A check that takes longer than `seconds` has failed."""
    found: List[List[Finding]] = [[] for _ in checks]
    # Daemons, so that a server that never answers does not keep the command running
    threads = [threading.Thread(target=_run, args=pair, daemon=True) for pair in zip(checks, found)]
    for thread in threads:
        thread.start()
    until = time.monotonic() + seconds
    findings: List[Finding] = []
    for check, thread, of_check in zip(checks, threads, found):
        thread.join(max(0.0, until - time.monotonic()))
        unanswered = thread.is_alive()  # asked first: a check may end while its findings are read
        findings += of_check
        if unanswered:
            reason = f"no answer within {seconds:g} seconds"
            findings.append(failed(check.about, reason, "check whether a firewall drops the connection"))
    return findings


def _run(check: Check, found: List[Finding]) -> None:
    try:
        for finding in check.run():
            found.append(finding)
    except PodtuneError as error:
        found.append(refused(check.about, str(error)))
    except OSError as error:
        expected = from_os_error(error)
        said = str(expected) if expected else f"{plain(error.strerror or type(error).__name__)}; check its location"
        found.append(refused(check.about, said))
    except Exception as error:  # one broken check must not hide the others
        reason = f"the check itself failed ({type(error).__name__})"
        found.append(failed(check.about, reason, "report this and the command you ran"))
