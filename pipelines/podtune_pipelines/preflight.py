"""What is checked before anything is paid for: the same for every command that writes, plans or starts a pipeline."""

import contextlib
import re
import tempfile
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Sequence, Tuple, Union

from podtune.errors import BadInput, PodtuneError
from podtune.formats.base_model import CONFIG, mistake_in_type
from podtune.formats.json_files import read_object
from podtune.samples.sample import is_sample
from podtune.sources.source import open_source
from podtune.sources.uris import scheme_of, without_secrets
from podtune.steps.check_store.step import run as check_store
from podtune.steps.fetch_model.settings import DecoderSettings, ModelSettings
from podtune.stores.opening import open_store, refuse_secrets
from podtune.stores.signing import require_signer
from podtune.training.engines import ENGINES
from podtune.training.step_process import poptorch_python

from podtune_pipelines.placement import Placement
from podtune_pipelines.pods.ipujob_pod import refusals as ipujob_refusals
from podtune_pipelines.recipe import Recipe

_BUCKET = re.compile("s3://[^/?#]+(/[^?#]*)?")


def check_for_cluster(
    recipe: Recipe, where: Placement, *, store: str, workspace: str, later: bool = False
) -> List[str]:
    """BadInput, naming every mistake, where a cluster could not run a recipe there with these options.

    Return what may keep it from it, as far as can be seen from here. `later` says that an empty store or workspace will
    be set with each run, and that nothing is asked of a server now.
    """
    uris = {"--store (or PODTUNE_STORE)": store, "--workspace (or PODTUNE_WORKSPACE)": workspace}
    for uri in uris.values():
        refuse_secrets(uri)
    mistakes = [
        f"{name} must be an s3:// URI, which the cluster's pods share; got {without_secrets(uri)!r}"
        for name, uri in uris.items()
        if scheme_of(uri) != "s3" and not (later and not uri)
    ]
    mistakes += [
        f"{name} must be s3://bucket/prefix, without a query or fragment; got {without_secrets(uri)!r} and what follows"
        for name, uri in uris.items()
        if scheme_of(uri) == "s3" and not _BUCKET.fullmatch(uri)
    ]
    device, devices = where.device, where.devices
    mistakes += _unknown(device)
    if devices < 1 or (device == "cpu" and devices > 1):
        wanted = "1 on CPUs" if device == "cpu" else "at least 1"
        mistakes.append(f"--devices must be {wanted}; got {devices}")
    if where.nodes and device != "gpu":
        mistakes.append(f"--nodes needs --device gpu, for a TrainJob's nodes have GPUs; got --device {device}")
    mistakes += _placement_mistakes(where)
    mistakes += wrong_models(recipe, device, remote=not later)
    if mistakes:
        raise BadInput("\n".join(mistakes))
    return list(_warnings(recipe))


def check_here(recipe: Recipe, device: str, store: str) -> None:
    """BadInput, naming every mistake, where this machine could not run a recipe into a store."""
    mistakes = [*_unknown(device), *missing_paths(recipe), *wrong_models(recipe, device, remote=True)]
    if device == "gpu" and not _has_gpu():
        mistakes.append("no NVIDIA GPU is visible; run on a machine with one and its driver, or use --device cpu")
    if mistakes:
        raise BadInput("\n".join(mistakes))
    if device == "ipu":
        poptorch_python(device)
    if scheme_of(store) == "s3":
        check_store(release={"name": recipe.release.name}, store=store)
    else:
        require_signer()
        open_store(store)


def check_device(device: str) -> None:
    """BadInput for a device that no engine is for."""
    for mistake in _unknown(device):
        raise BadInput(mistake)


def missing_paths(recipe: Recipe) -> List[str]:
    """What is wrong with the recipe's sources on this machine."""
    return [
        f"{path} is not there; a source must be a directory or a URI"
        for path in _paths(recipe)
        if not Path(path).exists()
    ]


def wrong_models(recipe: Recipe, device: str, *, remote: bool) -> List[str]:
    """What is wrong with the types of the pretrained models, which their config.json says, for this device.

    One that is elsewhere is asked for only with `remote`; where it cannot be read, the step that fetches it says why.
    """
    model, task = recipe.model, recipe.of_task
    wanted: List[Tuple[Union[ModelSettings, DecoderSettings], Sequence[str]]] = [(model, task.model_types_on(device))]
    if model.decoder and task.parts:
        wanted = [(model, task.parts[:1]), (model.decoder, task.parts[1:])]
    found = [(one.source, _config_of(one.source, one.revision, remote=remote), types) for one, types in wanted]
    mistakes = [
        (source, mistake_in_type(config, types), config.get("model_type") in task.model_types)
        for source, config, types in found
        if config is not None
    ]
    return [
        f"{CONFIG} of {without_secrets(source)}: {mistake}{'; --device cpu and gpu take it' if elsewhere else ''}"
        for source, mistake, elsewhere in mistakes
        if mistake
    ]


def _config_of(source: str, revision: str, *, remote: bool) -> Optional[Dict[str, Any]]:
    if is_sample(source) or (scheme_of(source) and not remote):
        return None
    with tempfile.TemporaryDirectory() as directory, contextlib.suppress(PodtuneError):
        open_source(source, revision).bring(CONFIG, Path(directory) / CONFIG, None)
        return read_object(Path(directory) / CONFIG)
    return None


def _placement_mistakes(where: Placement) -> List[str]:
    """What in a placement file contradicts the device of the run."""
    pods, device, devices = where.pods, where.device, where.devices
    if where.nodes and pods.steps.get("finetune"):
        elsewhere = "the TrainingRuntime podtune-torch says what a TrainJob's pods are like; change it there"
        return [f"{pods.source}: steps.finetune: {elsewhere}"]
    if device == "ipu":
        return [f"{pods.source}: {line}" for line in ipujob_refusals(pods)]
    accelerator = pods.of("finetune").accelerator if device == "gpu" and devices > 1 else None
    if accelerator is None or accelerator.count in (None, devices):
        return []
    said = f"{pods.where('finetune', 'accelerator')}.count {accelerator.count} of {pods.source}"
    return [f"--devices {devices} contradicts {said}; leave one of them out"]


def _unknown(device: str) -> List[str]:
    return [] if device in ENGINES else [f"--device must be one of {', '.join(ENGINES)}; got {device!r}"]


def _has_gpu() -> bool:
    import torch

    return bool(torch.cuda.is_available())


def _paths(recipe: Recipe) -> List[str]:
    """The sources that are paths."""
    model = recipe.model
    sources = [source for locations in recipe.source.locations().values() for source, _ in locations]
    sources += [model.source] + ([model.decoder.source] if model.decoder else [])
    return sorted({source for source in sources if not scheme_of(source)})


def _warnings(recipe: Recipe) -> Iterator[str]:
    """What may keep the pods of a pipeline from running, as far as it can be seen from here."""
    for path in _paths(recipe):
        yield f"{path} is a local path; it has to exist in the pods, not on this machine"
