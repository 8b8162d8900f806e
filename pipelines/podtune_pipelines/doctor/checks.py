"""Which checks belong to what a person means to do."""

from dataclasses import dataclass
from pathlib import Path
from typing import List

from podtune.image_names import image_of
from podtune.ipujobs.work import jobs_namespace

from podtune_pipelines.doctor import machine
from podtune_pipelines.doctor.examination import Check
from podtune_pipelines.doctor.hub import look_at_hub
from podtune_pipelines.doctor.kfp_api import look_at_kfp
from podtune_pipelines.doctor.kubernetes_api import look_at_kubernetes
from podtune_pipelines.doctor.store import CHECKPOINTS, RELEASES, look_at_store


@dataclass(frozen=True)
class Plan:
    """What a person means to use."""

    device: str
    home: Path
    store: str
    workspace: str
    host: str


def checks_of(plan: Plan) -> List[Check]:
    """Everything that it needs, and what is cheap to know beside."""
    elsewhere = bool(plan.host)
    devices = sorted({"cpu", plan.device})  # only training and evaluation run in another image than a CPU's
    return [
        Check("packages", machine.look_at_packages),
        Check("home", lambda: machine.look_at_home(plan.home)),
        Check("processor", machine.look_at_processor),
        Check("GPUs", lambda: machine.look_at_gpus(asked=plan.device == "gpu", elsewhere=elsewhere)),
        *([Check("IPUs", lambda: machine.look_at_ipus(elsewhere))] if plan.device == "ipu" else []),
        Check("Hub", look_at_hub),
        Check("store", lambda: look_at_store(plan.store, RELEASES)),
        *([Check("workspace", lambda: look_at_store(plan.workspace, CHECKPOINTS))] if plan.workspace else []),
        Check("KFP", lambda: look_at_kfp(plan.host)),
        Check("Kubernetes", lambda: look_at_kubernetes(plan.device, jobs_namespace())),
        Check("images", lambda: machine.look_at_images([image_of(device) for device in devices])),
    ]
