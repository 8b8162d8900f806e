"""Describe a picture, through the same pixels and the same search as the model's evaluation."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Mapping

import numpy as np
from podtune.errors import BadInput
from podtune.formats.pictures import DamagedPicture
from podtune.formats.ragged import Array, Ragged
from podtune.tasks.image_captioning.captions import ImageCaptions
from podtune.tasks.image_captioning.pixels import decode_image
from podtune.tasks.image_captioning.scores import caption_texts
from podtune.tasks.image_captioning.settings import beam_search

from podtune_pipelines.predicting.engine import outputs_of
from podtune_pipelines.predicting.pictures import read_picture
from podtune_pipelines.predicting.released_model import ReleasedModel


@dataclass(frozen=True)
class WrittenCaption:
    """What a model says of a picture."""

    caption: str


def describe_picture(model: ReleasedModel, picture: Path) -> WrittenCaption:
    """The model's caption of a picture file, searched for as it was evaluated."""
    from podtune.tasks.image_captioning.objective import CaptionObjective

    pixels = _pixels(picture, _image_size(model))
    search: Mapping[str, Any] = model.evaluation.settings if model.evaluation else {}
    outputs = outputs_of(model, CaptionObjective(beam_search(search)), _one_image(pixels))
    return WrittenCaption(caption_texts(model.directory, outputs["generated"])[0])


def _image_size(model: ReleasedModel) -> int:
    encoder = model.config.get("encoder")
    size = encoder.get("image_size") if isinstance(encoder, dict) else None
    if not isinstance(size, int):
        place = model.directory / "config.json"
        raise BadInput(f"{place} does not say encoder.image_size, a number of pixels; download the model again")
    return size


def _pixels(picture: Path, size: int) -> Array:
    """uint8 [size, size, 3]."""
    content = read_picture(picture)
    try:
        return decode_image(content, size)
    except DamagedPicture as damage:
        raise BadInput(f"the picture {picture} cannot be decoded: {damage}") from damage


def _one_image(pixels: Array) -> ImageCaptions:
    """An image with a caption of one token, because every one has a loss."""
    return ImageCaptions(
        directory=Path(),
        images=pixels[None],
        tokens=Ragged(np.zeros(1, dtype=np.int32), np.array([0, 1])),
        captions_of=np.array([0, 1]),
    )
