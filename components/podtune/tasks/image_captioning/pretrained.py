"""A captioning model loaded from its directory: one model, or ViT and GPT-2 that are joined."""

import logging
from pathlib import Path
from typing import Any, List, Mapping, Sequence, Tuple

import torch

from podtune.errors import BadInput
from podtune.formats.base_model import CONFIG, DECODER, ENCODER, PREPROCESSOR, mistake_in_type
from podtune.formats.json_files import read_object
from podtune.tasks.image_captioning.task import TASK
from podtune.tasks.pretrained import load_pretrained, quietly

PIXEL_SCALE, PIXEL_SHIFT = "pixel_scale", "pixel_shift"
"""Buffers of the model, float32 [3, 1, 1]: a pixel's value times the one, plus the other, is what the encoder sees."""

_NEW_IN_ENCODER = ("pooler.",)
"""Of no effect on captions, and missing in some published encoders."""

_NEW_IN_DECODER = ("crossattention.", "ln_cross_attn.")
_KIND = "captioning"
_BYTE = 1 / 255
_log = logging.getLogger(__name__)


def load_model(directory: Path) -> Any:
    """Load a vision-encoder-decoder model in float32, and make it ready for images in bytes; BadInput where none is.

    Without weights of its own it is joined of its encoder and its decoder; the attention between them has new weights
    from torch's seed.
    """
    config = read_object(directory / CONFIG)
    _check_config(config, directory / CONFIG)
    model = _whole(directory) if any(directory.glob("*.safetensors")) else _joined(directory)
    _name_tokens(model, directory / CONFIG)
    scale, shift = _scale_and_shift(directory / PREPROCESSOR)
    model.register_buffer(PIXEL_SCALE, scale, persistent=False)
    model.register_buffer(PIXEL_SHIFT, shift, persistent=False)
    return model.float()


def require_size(model: Any, shape: Sequence[int]) -> None:
    """BadInput unless images, [images, height, width, 3], are of the size that the model sees."""
    size = model.config.encoder.image_size
    if tuple(shape[1:3]) != (size, size):
        raise BadInput(
            f"the model sees images of {size} x {size} pixels; those of the features have {shape[1]} x {shape[2]}: "
            "set features.image_size"
        )


def _whole(directory: Path) -> Any:
    from transformers import VisionEncoderDecoderModel

    return load_pretrained(VisionEncoderDecoderModel.from_pretrained, directory, _KIND, new=_NEW_IN_ENCODER).model


def _joined(directory: Path) -> Any:
    from transformers import VisionEncoderDecoderModel, ViTModel

    encoder, _ = load_pretrained(ViTModel.from_pretrained, directory / ENCODER, "ViT", new=_NEW_IN_ENCODER)
    decoder, _ = load_pretrained(_attending_decoder, directory / DECODER, "GPT-2", new=_NEW_IN_DECODER)
    _log.info("the attention between encoder and decoder in %s has new weights", directory)
    with quietly():
        return VisionEncoderDecoderModel.from_encoder_decoder_pretrained(encoder_model=encoder, decoder_model=decoder)


def _attending_decoder(directory: Path, **options: Any) -> Any:
    """GPT-2 with attention to what an encoder makes of an image, as transformers' from_pretrained returns it."""
    from transformers import GPT2Config, GPT2LMHeadModel

    config = GPT2Config.from_pretrained(directory, is_decoder=True, add_cross_attention=True)  # nosec B615  # a directory
    return GPT2LMHeadModel.from_pretrained(directory, config=config, **options)  # nosec B615  # a directory


def _check_config(config: Mapping[str, Any], path: Path) -> None:
    mistake = mistake_in_type(config, TASK.model_types)
    for part, wanted in zip((ENCODER, DECODER), TASK.parts):
        described = config.get(part)
        wrong = mistake_in_type(described if isinstance(described, dict) else {}, [wanted])
        mistake = mistake or (wrong and f"{part}.{wrong}")
    if mistake:
        raise BadInput(f"{path}: {mistake}")
    dropout = config[ENCODER].get("attention_probs_dropout_prob", 0.0)
    if dropout:  # it would be drawn anew for every division into micro-batches
        raise BadInput(f"{path}: encoder.attention_probs_dropout_prob must be 0, as ViT's is; got {dropout}")


def _name_tokens(model: Any, path: Path) -> None:
    """Say in the configuration which tokens begin and end a caption, as GPT-2 alone need not."""
    from transformers import GenerationConfig

    config = model.config
    end = getattr(config, "eos_token_id", None)
    end = config.decoder.eos_token_id if end is None else end
    if not isinstance(end, int):
        raise BadInput(f"{path}: decoder.eos_token_id must be the id of the token that ends a text; got {end!r}")
    config.eos_token_id = end
    for name in ("decoder_start_token_id", "pad_token_id"):
        if getattr(config, name, None) is None:
            setattr(config, name, end)
    model.generation_config = GenerationConfig.from_model_config(config)


def _scale_and_shift(path: Path) -> Tuple[torch.Tensor, torch.Tensor]:
    """Read how the values of pixels are brought to those that the encoder was trained on; ViT's way by default."""
    processor = read_object(path) if path.exists() else {}
    factor = processor.get("rescale_factor", _BYTE) if processor.get("do_rescale", True) else 1.0
    normal = processor.get("do_normalize", True)
    mean = _three(processor, "image_mean", path) if normal else torch.zeros(3, 1, 1)
    deviation = _three(processor, "image_std", path) if normal else torch.ones(3, 1, 1)
    return factor / deviation, -mean / deviation


def _three(processor: Mapping[str, Any], key: str, path: Path) -> torch.Tensor:
    values: List[Any] = processor.get(key, [0.5] * 3)
    if not isinstance(values, list) or len(values) != 3 or not all(type(value) in (int, float) for value in values):
        raise BadInput(f"{path}: {key} must be three numbers, for red, green and blue; got {values!r}")
    return torch.tensor(values, dtype=torch.float32).view(3, 1, 1)
