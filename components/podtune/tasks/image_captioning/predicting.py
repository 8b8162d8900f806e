"""Describe a picture, with the same pixels and the same search as in the model's evaluation."""

from pathlib import Path

import numpy as np

from podtune.errors import BadInput
from podtune.formats.base_model import CONFIG
from podtune.formats.pictures import DamagedPicture
from podtune.formats.ragged import Array, Ragged
from podtune.tasks.image_captioning.captions import ImageCaptions
from podtune.tasks.image_captioning.pixels import decode_image
from podtune.tasks.image_captioning.scores import caption_texts
from podtune.tasks.image_captioning.settings import EvaluationSettings
from podtune.tasks.predicting import PredictionRequest, ReleasedModel, Reply, outputs_of, read_picture


def predict(model: ReleasedModel, request: PredictionRequest) -> Reply:
    """The model's caption of a picture file, searched for as it was evaluated."""
    from podtune.tasks.image_captioning.objective import CaptionObjective

    if request.image is None:
        raise BadInput(f"the model in {model.directory} describes a picture; give it as --image")
    pixels = _pixels(request.image, _image_size(model))
    objective = CaptionObjective(model.recorded_evaluation() or EvaluationSettings())
    outputs = outputs_of(model, objective, _one_image(pixels))
    caption = caption_texts(model.directory, outputs["generated"])[0]
    return Reply({"caption": caption}, [caption])


def _image_size(model: ReleasedModel) -> int:
    encoder = model.config.get("encoder")
    size = encoder.get("image_size") if isinstance(encoder, dict) else None
    if not isinstance(size, int):
        path = model.directory / CONFIG
        raise BadInput(f"{path} does not say encoder.image_size, a number of pixels; download the model again")
    return size


def _pixels(picture: Path, size: int) -> Array:
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
