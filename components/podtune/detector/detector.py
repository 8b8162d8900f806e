"""A detector: pictures to the regions that a visual question-answering model sees of them.

Its directory has model.safetensors with the published tensors, and config.json where it is another network.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Dict, Literal, Sequence

import numpy as np
import torch
from PIL import Image
from torch.nn import functional

from podtune.detector.network import Network, Seen
from podtune.detector.pictures import seen_size
from podtune.detector.proposals import enough_survivors
from podtune.detector.settings import DetectorConfig
from podtune.errors import BadInput
from podtune.formats.ragged import Array
from podtune.sections import read_section, read_settings_file

CONFIG = "config.json"
WEIGHTS = "model.safetensors"

Device = Literal["cpu", "gpu"]


@dataclass(frozen=True)
class Regions:
    """The regions of one picture, those that no better one overlaps first, and of these the most certain first."""

    features: Array
    """float32 [regions, size]."""

    boxes: Array
    """float32 [regions, 4]: left, top, right, bottom in shares of width and height."""

    objects: Array
    """int64 [regions]; numbers of the Visual Genome vocabulary, without the background."""

    object_confidences: Array
    """float32 [regions]."""


@dataclass(frozen=True)
class Detector:
    """A network with its weights, on a device."""

    config: DetectorConfig
    network: Network
    device: torch.device

    @torch.inference_mode()
    def describe(self, picture: Image.Image) -> Regions:
        """Find the regions of an upright RGB picture, always `config.regions` of them."""
        config = self.config
        seen: Seen = self.network(seen_pixels(picture, config, self.device))
        boxes, confidences = seen.boxes.cpu().numpy(), seen.object_confidences.cpu().numpy()
        chosen = enough_survivors(boxes, confidences, config.overlaps, config.regions)
        width, height = seen_size(picture.width, picture.height, config)
        rows = torch.from_numpy(chosen).to(self.device)
        return Regions(
            features=seen.features[rows].cpu().numpy(),
            boxes=boxes[chosen] / np.array([width, height, width, height], dtype=np.float32),
            objects=seen.objects[rows].cpu().numpy(),
            object_confidences=confidences[chosen],
        )


def best_device() -> Device:
    """A GPU where there is one: a picture takes a CPU seconds."""
    return "gpu" if torch.cuda.is_available() else "cpu"


def open_detector(directory: Path, device: Device = "cpu") -> Detector:
    """Read a detector, a directory or the published network's weights alone, onto a device.

    BadInput where it is incomplete, or the device is absent.
    """
    if device == "gpu" and not torch.cuda.is_available():
        raise BadInput("device is gpu, but torch sees no GPU here; use cpu")
    config = read_config(directory)
    network = read_network(directory, config)
    network.fold()
    here = torch.device("cuda" if device == "gpu" else "cpu")
    return Detector(config, network.to(here), here)


def seen_pixels(picture: Image.Image, config: DetectorConfig, device: torch.device) -> torch.Tensor:
    """An upright RGB picture as float32 [1, 3, height, width], in the size, order and range that the weights learnt."""
    width, height = seen_size(picture.width, picture.height, config)
    colors = torch.from_numpy(np.array(picture)).to(device).permute(2, 0, 1).float()
    if config.channel_order == "BGR":
        colors = colors.flip(0)
    colors = colors - torch.tensor(config.pixel_means, device=device)[:, None, None]
    # smooth where it makes a picture smaller; where it makes one larger, as is usual, that changes nothing
    return functional.interpolate(colors[None], (height, width), mode="bilinear", antialias=True)


def read_config(directory: Path) -> DetectorConfig:
    """Read config.json; without it, or for a file of weights alone, the published network is meant."""
    path = directory / CONFIG
    return read_section(DetectorConfig, read_settings_file(path), str(path)) if path.exists() else DetectorConfig()


def read_network(directory: Path, config: DetectorConfig) -> Network:
    """Read the weights; BadInput where check_tensors finds others than the network's."""
    path = directory if directory.is_file() else directory / WEIGHTS
    network = Network(config)
    tensors = _read_tensors(path)
    wanted = network.state_dict()
    check_tensors(tensors, wanted, path)
    network.load_state_dict({name: tensors[name].to(tensor.dtype) for name, tensor in wanted.items()}, assign=True)
    return network.eval().requires_grad_(requires_grad=False)


def check_tensors(tensors: Dict[str, torch.Tensor], wanted: Dict[str, torch.Tensor], path: Path) -> None:
    """BadInput names tensors that are missing or not known, or else the first of another shape."""
    _check_names(tensors, wanted, path)
    for name, tensor in wanted.items():
        read = tensors[name]
        if read.shape != tensor.shape:
            raise BadInput(f"{path}: {name} must have the shape {list(tensor.shape)}; got {list(read.shape)}")
        if read.is_floating_point() != tensor.is_floating_point():
            raise BadInput(f"{path}: {name} must have numbers like {tensor.dtype}; got {read.dtype}")
        if not torch.isfinite(read).all():
            raise BadInput(f"{path}: {name} holds a number that is not finite")


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


def _check_names(tensors: Dict[str, torch.Tensor], wanted: Dict[str, torch.Tensor], path: Path) -> None:
    missing = [name for name in wanted if name not in tensors]
    unknown = sorted(set(tensors) - set(wanted))
    mistakes = [f"{verb} {_few(names)}" for verb, names in (("lacks", missing), ("has", unknown)) if names]
    if mistakes:
        raise BadInput(f"{path} {', and '.join(mistakes)}; it should have the detector's {len(wanted)} tensors")


def _few(names: Sequence[str]) -> str:
    rest = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + rest
