"""The disk that the pods of a recipe's steps request, by what the recipe says of its data and its model."""

from typing import Optional

from podtune.disk import Sizes, disk_of, quantity
from podtune.samples.sample import is_sample

from podtune_pipelines.needs import expected_features
from podtune_pipelines.recipe import Recipe


def disk_of_step(recipe: Recipe, step: str) -> str:
    """What a step's pod requests, such as 35G; empty where the recipe does not say enough."""
    size = disk_of(step, sizes_of(recipe))
    return quantity(size) if size else ""


def sizes_of(recipe: Recipe) -> Sizes:
    """The sizes of a recipe's artifacts; what is made on the spot is small."""
    raw_data = _bytes(recipe.source.data, recipe.source.gigabytes)
    features: Optional[float] = expected_features(recipe)
    if features is None and raw_data is not None:
        features = recipe.of_task.features_a_byte * raw_data
    weights = _bytes(recipe.model.source, recipe.model.gigabytes)
    return Sizes(raw_data, features, weights, recipe.training.keep_checkpoints)


def _bytes(uri: str, gigabytes: float) -> Optional[float]:
    return 1e9 * gigabytes if gigabytes or is_sample(uri) else None
