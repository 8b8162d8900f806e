"""Small pictures, and a small detector to look at them."""

import io
import json
from pathlib import Path
from typing import Any, Callable, Dict

import numpy as np
import pytest
import torch
from PIL import Image
from podtune.detector.network import Network
from podtune.detector.settings import DetectorConfig
from podtune.sections import to_mapping
from safetensors.torch import save_file

SMALL: Dict[str, Any] = {
    "width": 4,
    "blocks": (1, 2, 1, 1),
    "proposal_width": 8,
    "anchor_sizes": (16, 32),
    "objects": 5,
    "attributes": 4,
    "shorter_side": 64,
    "longest_side": 96,
    "proposals_considered": 120,
    "proposals": 60,
    "pooling": 4,
}


def draw_weights(config: DetectorConfig) -> Dict[str, torch.Tensor]:
    """Weights of any detector, such that it finds different things in different places."""
    generator = torch.Generator().manual_seed(7)
    weights = Network(config).state_dict()
    for name, tensor in weights.items():
        if "cell_anchors" in name or not tensor.is_floating_point():
            continue
        spread = 1 / max(1, tensor[0].numel()) ** 0.5
        tensor.normal_(std=spread, generator=generator)
        if name.endswith(("norm.weight", "running_var")):
            tensor.abs_().add_(0.5)
    weights["backbone.stem.conv1.weight"] /= 50
    return weights


@pytest.fixture
def weights_of() -> Callable[[DetectorConfig], Dict[str, torch.Tensor]]:
    return draw_weights


WriteDetector = Callable[..., Path]


@pytest.fixture
def write_detector(tmp_path: Path) -> WriteDetector:
    """Write a small detector's directory, with what is given changed in its configuration."""

    def written(**changed: Any) -> Path:
        config = DetectorConfig(**{**SMALL, **changed})
        directory = tmp_path / "detector"
        directory.mkdir()
        (directory / "config.json").write_text(json.dumps(to_mapping(config)))
        save_file(draw_weights(config), directory / "model.safetensors")
        return directory

    return written


@pytest.fixture
def small_network() -> Network:
    config = DetectorConfig(**SMALL)
    network = Network(config)
    network.load_state_dict(draw_weights(config))
    return network.eval()


def draw_picture(width: int, height: int, seed: int = 0) -> Image.Image:
    """Patches of random colours."""
    patches = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return Image.fromarray(patches).resize((width, height), Image.Resampling.NEAREST)


@pytest.fixture
def picture() -> Callable[..., Image.Image]:
    return draw_picture


@pytest.fixture
def picture_file() -> Callable[..., bytes]:
    """A picture's PNG file, or another format's."""

    def written(width: int, height: int, seed: int = 0, kind: str = "PNG", **options: Any) -> bytes:
        stream = io.BytesIO()
        draw_picture(width, height, seed).save(stream, kind, **options)
        return stream.getvalue()

    return written
