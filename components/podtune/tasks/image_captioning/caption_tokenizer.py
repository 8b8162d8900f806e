"""A captioning model's tokenizer: captions to token ids that end with the end of the text."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, List, Mapping, Optional, Sequence, Tuple

import numpy as np
from tokenizers import Tokenizer

from podtune.errors import BadInput
from podtune.formats.base_model import CONFIG, TOKENIZER, load_tokenizer
from podtune.formats.json_files import read_object
from podtune.formats.ragged import Ragged, offsets_of

PROCESSOR = "preprocessor_config.json"
BILINEAR = 2
"""Pillow's number of it, which image processors' files use."""


@dataclass(frozen=True)
class CaptionTokenizer:
    """A tokenizer and the token that ends every caption."""

    tokenizer: Tokenizer
    """Neither truncates nor pads."""

    end: int
    """The end of the text."""

    vocabulary_size: int
    """Token ids are below it."""


def open_caption_tokenizer(base_model: Path, max_length: int, image_size: int) -> CaptionTokenizer:
    """Open a verified BaseModel's tokenizer; BadInput unless it, its captions and the images fit the model."""
    tokenizer, path = load_tokenizer(base_model / TOKENIZER), base_model / CONFIG
    tokenizer.no_truncation()
    tokenizer.no_padding()
    tokenizer.encode_special_tokens = True  # a caption that spells the end of the text does not end there
    config = read_object(path)
    nested = config.get("decoder")
    decoder: Mapping[str, Any] = nested if isinstance(nested, dict) else config
    size = max(tokenizer.get_vocab(with_added_tokens=True).values()) + 1
    _check_at_most(size, decoder, ("vocab_size",), f"{path}: the tokenizer's vocabulary")
    _check_at_most(max_length, decoder, ("n_positions", "max_position_embeddings"), "features.max_length")
    _check_size(config, image_size, path)
    _check_processor(base_model / PROCESSOR)
    return CaptionTokenizer(tokenizer, _end_of_text(tokenizer, base_model, decoder), size)


def encode_captions(tokenizer: CaptionTokenizer, captions: Sequence[str], max_length: int) -> Tuple[Ragged, int]:
    """Token ids of each caption and its end, int32; and how many captions were cut to `max_length` with the end."""
    encoded = tokenizer.tokenizer.encode_batch_fast(list(captions), add_special_tokens=False)
    rows = [encoding.ids for encoding in encoded]
    cut = sum(len(row) >= max_length for row in rows)
    ended: List[List[int]] = [[*row[: max_length - 1], tokenizer.end] for row in rows]
    lengths = np.array([len(row) for row in ended], dtype=np.int64)
    values = np.fromiter((token for row in ended for token in row), dtype=np.int32, count=int(lengths.sum()))
    return Ragged(values, offsets_of(lengths)), cut


def _end_of_text(tokenizer: Tokenizer, base_model: Path, decoder: Mapping[str, Any]) -> int:
    """The end's id, as the tokenizer's settings or else the model's configuration name it."""
    path = base_model / "tokenizer_config.json"
    named = (read_object(path) if path.exists() else {}).get("eos_token")
    content = named.get("content") if isinstance(named, dict) else named
    end: Optional[int] = tokenizer.token_to_id(content) if content else decoder.get("eos_token_id")
    if not isinstance(end, int) or tokenizer.id_to_token(end) is None:
        raise BadInput(f"{base_model} names no token that ends a text; {path.name} must have an eos_token it knows")
    return end


def _check_at_most(value: int, decoder: Mapping[str, Any], keys: Sequence[str], what: str) -> None:
    for key in keys:
        most = decoder.get(key)
        if isinstance(most, int) and value > most:
            raise BadInput(f"{what} must be at most {most}, the model's {key}; got {value}")


def _check_size(config: Mapping[str, Any], image_size: int, path: Path) -> None:
    encoder = config.get("encoder")
    wanted = encoder.get("image_size") if isinstance(encoder, dict) else None
    if isinstance(wanted, int) and wanted != image_size:
        raise BadInput(f"features.image_size must be {wanted}, as {path} says of the model; got {image_size}")


def _check_processor(path: Path) -> None:
    """BadInput where the model was trained on images that were resized in another way than ours are."""
    processor = read_object(path) if path.exists() else {}
    resample = processor.get("resample", BILINEAR)
    if resample != BILINEAR:
        raise BadInput(f"{path}: resample must be {BILINEAR}, bilinear, as images are stored; got {resample!r}")
    if processor.get("do_center_crop"):
        raise BadInput(f"{path}: do_center_crop must be false; images are stored whole")
