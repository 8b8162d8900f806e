"""What an engine leaves on disk: a model for transformers, and the state that a run continues from."""

import json
from pathlib import Path
from typing import Any, Dict, List, NamedTuple

import torch
import transformers
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from podtune.errors import BadInput, bad_input, naming

WEIGHTS = "model.safetensors"
STATE = "optimizer.safetensors"
LAYOUT = "optimizer.json"

ROUNDING = "division.json"

Layout = List[List[Any]]
"""Of every parameter its name and shape, [name, [rows, columns, …]], in the order of the weights."""


class Rounding(NamedTuple):
    """What decides how a run's numbers round: into how many parts sums are divided, and what they are made in.

    0 or empty where that is not known.
    """

    threads: int = 0
    """Of each process, on a CPU."""

    processes: int = 0
    precision: str = ""
    """Of the compute."""


UNKNOWN = Rounding()


def save_model(model: Any, weights: Dict[str, torch.Tensor], directory: Path) -> None:
    """Write config.json and float32 model.safetensors as transformers loads them; BadInput for weights not finite."""
    broken = [name for name, tensor in weights.items() if not torch.isfinite(tensor).all()]
    if broken:
        raise BadInput(
            f"{len(broken)} of {len(weights)} trained weights, such as {broken[0]}, are not finite: "
            "train again, with a lower learning rate or in float32"
        )
    directory.mkdir(parents=True, exist_ok=True)
    model.config.architectures = [type(model).__name__]
    model.config.dtype = "float32"  # in words, as transformers 4 writes it as it is
    model.config.save_pretrained(str(directory))
    _write(_published_names(model, weights), directory / WEIGHTS)


def save_state(tensors: Dict[str, torch.Tensor], layout: Layout, directory: Path, rounding: Rounding = UNKNOWN) -> None:
    """Write all that a run continues from, and the parameters that it belongs to."""
    directory.mkdir(parents=True, exist_ok=True)
    _write(tensors, directory / STATE)
    (directory / LAYOUT).write_text(json.dumps(layout, indent=1) + "\n", encoding="utf-8")
    if rounding != UNKNOWN:
        (directory / ROUNDING).write_text(json.dumps(rounding._asdict()) + "\n", encoding="utf-8")


def load_rounding(directory: Path) -> Rounding:
    """Read how a run's numbers round; states of earlier versions do not say it, or not all of it."""
    path = directory / ROUNDING
    return Rounding(**json.loads(path.read_text(encoding="utf-8"))) if path.exists() else UNKNOWN


def load_state(layout: Layout, directory: Path) -> Dict[str, torch.Tensor]:
    """Read what `save_state` wrote; BadInput where it is damaged or of another model."""
    with bad_input(f"cannot read the training state in {directory}", ValueError, SafetensorError):
        saved_layout = json.loads((directory / LAYOUT).read_text(encoding="utf-8"))
        tensors: Dict[str, torch.Tensor] = load_file(directory / STATE)
    if saved_layout != layout:
        raise BadInput(f"the training state in {directory} belongs to another model; start from an empty workspace")
    return tensors


def _published_names(model: Any, tensors: Dict[str, torch.Tensor]) -> Dict[str, torch.Tensor]:
    """Name weights as transformers saves them, which older versions read too; since 5 it loads some under others."""
    if int(transformers.__version__.partition(".")[0]) < 5:
        return tensors
    # Private in transformers; one that has moved it must fail here rather than name weights otherwise
    from transformers.core_model_loading import revert_weight_conversion

    renamed: Dict[str, torch.Tensor] = revert_weight_conversion(model, tensors)
    return renamed


def _write(tensors: Dict[str, torch.Tensor], path: Path) -> None:
    with naming(path):
        save_file(tensors, path, metadata={"format": "pt"})
