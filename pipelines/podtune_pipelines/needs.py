"""The disk and memory that a run needs, as far as known before it runs."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

from podtune.formats.base_model import BaseModel
from podtune.formats.features import Features
from safetensors import safe_open

from podtune_pipelines.recipe import Recipe

BYTES_A_PARAMETER = 16
"""In training: weight, gradient and the optimizer's two moments, each in float32."""


@dataclass(frozen=True)
class Needs:
    """What a run needs; None where it is not known yet, or does not apply."""

    features_bytes: Optional[int]
    """Of the prepared features, on the disk."""

    training_bytes: Optional[int]
    """Of weights, gradient and optimizer in the device's memory; activations come on top."""

    positions: Optional[int]
    """Of the longest row in a model that sees regions: its text and its regions."""

    published_positions: Optional[int]
    """Of every row in the published runs, which padded the text."""


def needs_of(recipe: Recipe, features: Optional[Features], base_model: Optional[BaseModel]) -> Needs:
    """Measure what is there already, and work out the rest from what the recipe expects."""
    positions = recipe.of_task.positions
    longest, published = positions(recipe.features) if positions else (None, None)
    return Needs(
        features_bytes=sum(entry.size for entry in features.files.values()) if features else expected_features(recipe),
        training_bytes=BYTES_A_PARAMETER * parameters_of(base_model.path) if base_model else None,
        positions=longest,
        published_positions=published,
    )


def parameters_of(base_model: Path) -> int:
    """Count a model's weights; what training adds, such as attention between two published models, is not counted."""
    count = 0
    for path in base_model.rglob("*.safetensors"):
        with safe_open(str(path), framework="numpy") as weights:
            count += sum(math.prod(weights.get_slice(name).get_shape()) for name in weights.keys())  # noqa: SIM118  # no mapping
    return count


def expected_features(recipe: Recipe) -> Optional[int]:
    """Bytes of the prepared data; an image is stored once, and its text is negligible beside it."""
    images, bytes_an_image = getattr(recipe.features, "expected_images", {}), recipe.of_task.bytes_an_image
    return sum(images.values()) * bytes_an_image(recipe.features) if images and bytes_an_image else None
