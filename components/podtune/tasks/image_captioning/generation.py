"""Captions written by a model: transformers' beam search, for many images at a time."""

import contextlib
from typing import Any, Iterator

import torch
from torch.nn import functional
from transformers import DynamicCache, EncoderDecoderCache, GenerationConfig
from transformers.modeling_outputs import BaseModelOutput

from podtune.tasks.image_captioning.settings import EvaluationSettings

_ATTENTION = "sdpa"
"""Transformers' own: a caption that is being written is a row of its own, and no part of a stream."""


def generate_captions(model: Any, encoded: torch.Tensor, search: EvaluationSettings) -> torch.Tensor:
    """Write a caption for each of the encoder's outputs, [images, patches, width]: token ids, int64 [images, longest].

    Ids after the end of a caption are the end of the text again. `longest` is the search's `max_length`, or as many
    positions as the model has; it does not depend on what is written.
    """
    end, positions = model.config.eos_token_id, model.config.decoder.max_position_embeddings
    longest = min(search.max_length, positions)
    settings = GenerationConfig(
        num_beams=search.beams,
        max_new_tokens=longest,
        length_penalty=search.length_penalty,
        decoder_start_token_id=model.config.decoder_start_token_id,
        eos_token_id=end,
        pad_token_id=end,
    )
    cache = EncoderDecoderCache(DynamicCache(), _ImageCache())
    with _attending_row_by_row(model.decoder):
        written = model.generate(
            encoder_outputs=BaseModelOutput(encoded),
            attention_mask=encoded.new_ones(encoded.shape[:2]),  # of images; without one a warning is printed
            generation_config=settings,
            past_key_values=cache,
        )
    return functional.pad(written[:, 1:], (0, longest + 1 - written.shape[1]), value=end)


class _ImageCache(DynamicCache):  # type: ignore[misc]  # transformers has no types
    """What the decoder looks at of each image."""

    def reorder_cache(self, beam_idx: torch.Tensor) -> None:
        """Leave everything where it is: all beams of an image look at the same image."""


@contextlib.contextmanager
def _attending_row_by_row(decoder: Any) -> Iterator[None]:
    """Let a decoder attend as transformers does, instead of on one stream, in this block."""
    before = decoder.config._attn_implementation
    decoder.set_attn_implementation(_ATTENTION)
    try:
        yield
    finally:
        decoder.set_attn_implementation(before)
