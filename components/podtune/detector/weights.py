"""A detector's directory: model.safetensors with the published tensors, and config.json where it is another network."""

from pathlib import Path
from typing import Any, Dict

import torch

from podtune.detector.network import Network
from podtune.detector.settings import DetectorConfig
from podtune.errors import BadInput
from podtune.sections import read_section, read_settings_file

CONFIG = "config.json"
WEIGHTS = "model.safetensors"


def read_config(place: Path) -> DetectorConfig:
    """Read config.json; without it, or for a file of weights alone, the published network is meant."""
    path = place / CONFIG
    return read_section(DetectorConfig, read_settings_file(path), str(path)) if path.exists() else DetectorConfig()


def read_network(place: Path, config: DetectorConfig) -> Network:
    """Read the weights; BadInput names the first tensor that is missing, not known, or of another shape."""
    path = place if place.is_file() else place / WEIGHTS
    network = Network(config)
    tensors = _read_tensors(path)
    wanted = network.state_dict()
    _check_names(tensors, wanted, path)
    for name, tensor in wanted.items():
        _check_tensor(name, tensors[name], tensor, path)
    network.load_state_dict({name: tensors[name].to(tensor.dtype) for name, tensor in wanted.items()}, assign=True)
    return network.eval().requires_grad_(requires_grad=False)


def _read_tensors(path: Path) -> Dict[str, torch.Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        tensors: Dict[str, torch.Tensor] = load_file(path)
    except FileNotFoundError as error:
        raise BadInput(f"{path.parent} has no {path.name}, a detector's weights") from error
    except SafetensorError as error:
        reason = str(error).rpartition("header: ")[2]
        raise BadInput(f"{path} is cut off, damaged or no safetensors file: {reason}") from error
    return tensors


def _check_names(tensors: Dict[str, Any], wanted: Dict[str, Any], path: Path) -> None:
    missing = [name for name in wanted if name not in tensors]
    if missing:
        others = f", nor {len(missing) - 1} others" if len(missing) > 1 else ""
        raise BadInput(f"{path} has no {missing[0]}, one of the detector's {len(wanted)} tensors{others}")
    unknown = sorted(set(tensors) - set(wanted))
    if unknown:
        raise BadInput(f"{path} has {unknown[0]}, which is not among the detector's {len(wanted)} tensors")


def _check_tensor(name: str, tensor: torch.Tensor, wanted: torch.Tensor, path: Path) -> None:
    if tensor.shape != wanted.shape:
        raise BadInput(f"{path}: {name} must have the shape {list(wanted.shape)}; got {list(tensor.shape)}")
    if tensor.is_floating_point() != wanted.is_floating_point():
        raise BadInput(f"{path}: {name} must have numbers like {wanted.dtype}; got {tensor.dtype}")
    if not torch.isfinite(tensor).all():
        raise BadInput(f"{path}: {name} holds a number that is not finite")
