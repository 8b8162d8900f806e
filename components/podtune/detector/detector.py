"""A detector: pictures to the regions that a visual question-answering model sees of them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Iterable, Iterator, List, Literal, Sequence, Tuple

import numpy as np
import torch
from PIL import Image

from podtune.detector.network import Network
from podtune.detector.pictures import open_picture, seen_size
from podtune.detector.pixels import seen_pixels
from podtune.detector.region_head import Seen
from podtune.detector.regions import Regions
from podtune.detector.settings import DetectorConfig
from podtune.detector.suppression import enough_survivors
from podtune.detector.weights import read_config, read_network
from podtune.errors import BadInput

Device = Literal["cpu", "gpu"]


@dataclass(frozen=True)
class Detector:
    """A network with its weights, on a device."""

    config: DetectorConfig
    network: Network
    device: torch.device

    @torch.inference_mode()
    def describe(self, picture: Image.Image) -> Regions:
        """The regions of an upright RGB picture, always `config.regions` of them."""
        seen = self.network(seen_pixels(picture, self.config, self.device))
        return self._regions(seen, picture)

    def _regions(self, seen: Seen, picture: Image.Image) -> Regions:
        """Choose the regions, and bring them home."""
        config = self.config
        boxes, confidences = seen.boxes.cpu().numpy(), seen.object_confidences.cpu().numpy()
        chosen = enough_survivors(boxes, confidences, config.overlaps, config.regions)
        width, height = seen_size(picture.width, picture.height, config)
        rows = torch.from_numpy(chosen).to(self.device)
        return Regions(
            features=seen.features[rows].cpu().numpy(),
            boxes=boxes[chosen] / np.array([width, height, width, height], dtype=np.float32),
            objects=seen.objects[rows].cpu().numpy(),
            object_confidences=confidences[chosen],
            attributes=seen.attributes[rows].cpu().numpy(),
            attribute_confidences=seen.attribute_confidences[rows].cpu().numpy(),
            width=picture.width,
            height=picture.height,
        )


def best_device() -> Device:
    """A GPU where there is one: a picture takes a CPU seconds."""
    return "gpu" if torch.cuda.is_available() else "cpu"


def open_detector(place: Path, device: Device = "cpu") -> Detector:
    """Read a detector, a directory or the published network's weights alone, onto a device.

    BadInput where it is not whole, or the device is absent.
    """
    if device == "gpu" and not torch.cuda.is_available():
        raise BadInput("device gpu was asked for, but torch sees no GPU here; use cpu")
    config = read_config(place)
    network = read_network(place, config)
    network.fold()
    here = torch.device("cuda" if device == "gpu" else "cpu")
    return Detector(config, network.to(here), here)


def regions_of(pictures: Iterable[Tuple[str, bytes]], detector: Detector) -> Iterator[Tuple[str, Regions]]:
    """The regions of each picture, given as name and file content; one at a time. BadInput at the first damaged one."""
    for name, content in pictures:
        yield name, detector.describe(open_picture(content, name))


def describe(pictures: Sequence[Path], weights_directory: Path, device: Device = "cpu") -> List[Regions]:
    """The regions of picture files, in their order."""
    detector = open_detector(weights_directory, device)
    contents = ((str(path), path.read_bytes()) for path in pictures)
    return [regions for _, regions in regions_of(contents, detector)]
