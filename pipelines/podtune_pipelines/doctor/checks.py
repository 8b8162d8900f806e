"""The checks for what is going to be used."""

from dataclasses import dataclass
from pathlib import Path
from typing import List

from podtune.image_names import image_of
from podtune.ipujobs.work import jobs_namespace

from podtune_pipelines.doctor import machine
from podtune_pipelines.doctor.examination import Check
from podtune_pipelines.doctor.kubernetes_api import check_kubernetes
from podtune_pipelines.doctor.servers import check_hub, check_kfp
from podtune_pipelines.doctor.store import CHECKPOINTS, RELEASES, check_store


@dataclass(frozen=True)
class Plan:
    """What is going to be used."""

    device: str
    home: Path
    store: str
    workspace: str
    host: str


def checks_of(plan: Plan) -> List[Check]:
    """All checks for a plan."""
    elsewhere = bool(plan.host)
    devices = sorted({"cpu", plan.device})  # only training and evaluation run in another image than a CPU's
    return [
        Check("packages", machine.check_packages),
        Check("home", lambda: machine.check_home(plan.home)),
        Check("processor", machine.check_processor),
        Check("GPUs", lambda: machine.check_gpus(required=plan.device == "gpu", elsewhere=elsewhere)),
        *([Check("IPUs", lambda: machine.check_ipus(elsewhere))] if plan.device == "ipu" else []),
        Check("Hub", check_hub),
        Check("store", lambda: check_store(plan.store, RELEASES)),
        *([Check("workspace", lambda: check_store(plan.workspace, CHECKPOINTS))] if plan.workspace else []),
        Check("KFP", lambda: check_kfp(plan.host)),
        Check("Kubernetes", lambda: check_kubernetes(plan.device, jobs_namespace())),
        Check("images", lambda: machine.check_images([image_of(device) for device in devices])),
    ]
