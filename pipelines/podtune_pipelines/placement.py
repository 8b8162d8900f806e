"""Where a step runs: image, resources, and whether its result may be reused."""

from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Set, Tuple

from podtune.environment import IMAGE, NOTIFY_LINK, NOTIFY_URL, PRIVATE_HOSTS, RUN, SIGNED, SIGNING_KEY
from podtune.image_names import image_of
from podtune.jobs.ipujob import CONFIG_VARIABLES, SECRET_VARIABLES, STORE_SECRET
from podtune.steps.table import STEPS, Properties

from podtune_pipelines.kfp_compiler import kubernetes
from podtune_pipelines.pods.kfp_pod import set_pod, set_resources
from podtune_pipelines.pods.placement_file import NOTHING, Pods
from podtune_pipelines.pods.pod import Pod

HUB_SECRET = "podtune-hub"  # noqa: S105  # the secret's name
"""A Kubernetes secret with what fetching steps need to know and nobody may see, such as the Hub's token."""

_FETCHING = ("HF_TOKEN", SIGNED.name, PRIVATE_HOSTS.name)

SIGNING_SECRET = "podtune-signing"  # noqa: S105  # the secret's name
"""A Kubernetes secret with the private key that signs releases."""

NOTIFY_SECRET = "podtune-notify"  # noqa: S105  # the secret's name
"""A Kubernetes secret with the address of whoever is told how a run ended, and how a link to a run is made."""


@dataclass(frozen=True)
class Placement:
    """Where the steps of one compiled pipeline run."""

    device: str
    """cpu, gpu or ipu: of training and evaluation; every other step needs a CPU only."""

    devices: int = 1
    """Accelerators in the pod that trains, or in each."""

    nodes: int = 0
    """Pods of the TrainJob that trains; 0 where the step does it in its own."""

    identity: Optional[Callable[[str], Optional[str]]] = None
    """What a step's result depends on beside its arguments; None has it run again. Without this function KFP decides
    what to reuse."""

    unpinned: Tuple[str, ...] = ()
    """Steps whose result may change while their arguments do not: KFP must not reuse it."""

    hours: float = 0.0
    """After which a run ends that has not, the time included in which its pods wait; 0 for never."""

    pods: Pods = NOTHING
    """What the cluster's owners say of the pods."""

    on_this_machine: bool = False
    """Whether the steps run on this machine's own devices; a cluster's IPUs are available to IPUJobs only."""

    digests: Mapping[str, str] = field(default_factory=dict)
    """Image to the digest that it had when the pipeline was compiled; the others are named by tag alone."""

    def image(self, device: str) -> str:
        """The image for a device, by its digest where that is known."""
        name = image_of(device)
        return f"{name}@{self.digests[name]}" if name in self.digests else name

    @property
    def image_names(self) -> List[str]:
        """The tags of all images that steps and jobs run in."""
        return [image_of(device) for device in dict.fromkeys(("cpu", self.device))]

    @property
    def is_by_digest(self) -> bool:
        """Whether all images are named by digest; KFP's key for a result has the name alone, and a tag may move."""
        return all(name in self.digests for name in self.image_names)

    @property
    def by_ipujobs(self) -> bool:
        """Whether training and evaluation are done by IPUJobs."""
        return self.device == "ipu" and not self.on_this_machine


COMPONENT_LABEL = "app.kubernetes.io/component"
"""Holds the step's name on each pod; a network policy uses it to let only fetching steps out to the internet."""

_SHARED_MEMORY = "/dev/shm"  # noqa: S108  # in the pod

_RETRIES = 2
"""Few, because KFP cannot distinguish a lost pod from a step that fails the same way each time."""

_RETRY_WINDOW = "168h"
"""From the start of the first try. KFP's own hour would end a second try in the middle of its training."""

_RUN_LABEL = "metadata.labels['pipeline/runid']"
"""KFP's label on a pod: the same in every attempt of a step."""


def add_step(step: str, placement: Placement, channels: Dict[str, Any], after: Any = None) -> Any:
    """Add a step to the pipeline that is being defined, and set up its pod; return its task.

    Each of its inputs is the channel of that name; its outputs become channels too. It may have to wait for another
    task, `after`, although it reads nothing of it.
    """
    component, needs = getattr(import_module(f"podtune.steps.{step}.component"), step), STEPS[step]
    task = component(**{name: channels[name] for name in component.component_spec.inputs if name in channels})
    channels.update(task.outputs)
    if after is not None:
        task.after(after)
    _cache(task, step, placement)
    pod = placement.pods.of(step)
    image = placement.image(placement.device if needs.on_accelerator else "cpu")
    if task.container_spec.image != image:  # KFP walks the stack for each thing that is set
        task.set_container_image(image)
    if not placement.on_this_machine:
        _retry(task, needs, pod)
    set_resources(task, step, pod)
    if needs.on_accelerator and placement.device == "gpu":
        _accelerate(task, placement, pod)
    kubernetes.add_pod_label(task, COMPONENT_LABEL, step)
    kubernetes.set_security_context(task, run_as_non_root=True)
    if needs.on_accelerator and not placement.on_this_machine:
        task.set_env_variable(IMAGE.name, placement.image(placement.device))
    _environment(task, needs, {variable.name for variable in pod.env})
    set_pod(task, pod)
    return task


def _retry(task: Any, needs: Properties, pod: Pod) -> None:
    """Have a step tried again that continues from its newest checkpoint: its pod may be evicted."""
    own = _RETRIES if needs.on_accelerator or needs.by_job else 0
    retries = own if pod.retries is None else pod.retries
    if retries:
        task.set_retry(
            num_retries=retries, backoff_duration="60s", backoff_factor=2.0, backoff_max_duration=_RETRY_WINDOW
        )


def _accelerate(task: Any, placement: Placement, pod: Pod) -> None:
    """Give a step its GPUs."""
    accelerator = pod.gpus
    task.set_accelerator_type(accelerator.resource).set_accelerator_limit(accelerator.count or placement.devices)
    if all(volume.mountPath != _SHARED_MEMORY for volume in pod.volumes):
        # PyTorch's processes share tensors there; a pod has 64 MiB unless more is requested
        kubernetes.empty_dir_mount(task, "shm", _SHARED_MEMORY, medium="Memory", size_limit="8Gi")


def _environment(task: Any, needs: Properties, placed: Set[str]) -> None:
    """Set the pod's variables from secrets and config maps that are optional, but for those that a placement sets."""
    if needs.by_job or needs.knows_run:
        kubernetes.use_field_path_as_env(task, RUN.name, _RUN_LABEL)
    for use, origin, names in _origins(needs):
        wanted = {name: name for name in names if name not in placed}
        if wanted:
            use(task, origin, wanted, optional=True)


def _origins(needs: Properties) -> Iterator[Tuple[Callable[..., Any], str, Tuple[str, ...]]]:
    """How variables are read from an object of the cluster, the object, and the variables."""
    secret, config_map = kubernetes.use_secret_as_env, kubernetes.use_config_map_as_env
    if needs.told:
        yield config_map, STORE_SECRET, (needs.told,)
    if needs.reaches_hub:
        yield secret, HUB_SECRET, _FETCHING
    if needs.signs:
        yield secret, SIGNING_SECRET, (SIGNING_KEY.name,)
    if needs.notifies:
        yield secret, NOTIFY_SECRET, (NOTIFY_URL.name, NOTIFY_LINK.name)
    yield secret, STORE_SECRET, SECRET_VARIABLES
    yield config_map, STORE_SECRET, CONFIG_VARIABLES


def _cache(task: Any, step: str, placement: Placement) -> None:
    may_differ = step in placement.unpinned or not (placement.on_this_machine or placement.is_by_digest)
    if STEPS[step].always_runs or may_differ or placement.pods.run.cache is False:
        task.set_caching_options(enable_caching=False)
    elif placement.identity is not None:
        key = placement.identity(step)
        task.set_caching_options(enable_caching=key is not None, cache_key=key)
