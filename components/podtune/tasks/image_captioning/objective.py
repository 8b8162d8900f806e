"""Image captioning as ViT and GPT-2 see it: the next token of a caption, from those before it and the image."""

from pathlib import Path
from typing import Any, Dict

import torch
from torch.nn import functional

from podtune.errors import BadInput
from podtune.formats.features import Features
from podtune.tasks.image_captioning.fixed_shape import CaptionGraph
from podtune.tasks.image_captioning.generation import generate_captions
from podtune.tasks.image_captioning.pretrained import PIXEL_SCALE, PIXEL_SHIFT, load_model, require_size
from podtune.tasks.image_captioning.settings import EvaluationSettings
from podtune.training.engines.sequences import owners
from podtune.training.ipu import IpuConfig


def objective(features: Features, settings: EvaluationSettings) -> "CaptionObjective":  # noqa: ARG001  # as every task's
    """Write the caption of an image."""
    return CaptionObjective(settings)


class CaptionObjective:
    """Say what an image shows; `training.protocols.Objective`.

    An image goes through the encoder once, and the decoder runs on one stream of all captions, [1, tokens]: the engine
    keeps attention within each caption, and to its own image. The end of the text is learnt as every token is.

    The loss of an image is the mean over the tokens of its captions, so a batch's is a mean over images. The Trainer's
    is one over all tokens of the batch, in which images with longer captions weigh more.
    """

    def __init__(self, search: EvaluationSettings = EvaluationSettings()) -> None:  # noqa: B008  # frozen
        self._search = search

    def load(self, directory: Path) -> Any:
        """Load a model in float32; one that is put together of two has new weights between them, from torch's seed."""
        return load_model(directory)

    def longest(self, model: Any) -> int:
        """Count the tokens of a caption for which the model has positions."""
        return int(model.config.decoder.max_position_embeddings)

    def unpadded(self, model: Any) -> Any:
        """The decoder; images are rows of equal length."""
        return model.decoder

    def losses(self, model: Any, tensors: Any) -> torch.Tensor:
        """The loss of each image, float32 [images]."""
        sums = _loss_sums(model, tensors, _encoded(model, tensors.columns["pixels"]))
        means: torch.Tensor = sums / tensors.offsets.diff()
        return means

    def outputs(self, model: Any, tensors: Any) -> Dict[str, torch.Tensor]:
        """The caption that the model writes for each image, and the loss of its reference captions.

        generated is int64 [images, length], filled up with the end of the text; loss_sum, float32 [images], is over
        the loss_tokens, int64 [images], of the true captions.
        """
        encoded = _encoded(model, tensors.columns["pixels"])
        return {
            "generated": generate_captions(model, encoded, self._search),
            "loss_sum": _loss_sums(model, tensors, encoded),
            "loss_tokens": tensors.offsets.diff(),
        }

    def fixed_shape(self, model: Any, config: IpuConfig) -> CaptionGraph:
        """The same on rows of one length; BadInput where several images should share a row."""
        if config.packing > 1:
            raise BadInput(f"training.ipu.packing must be 1: an image has a row of its own; got {config.packing}")
        for part in (model.encoder, model.decoder):
            part.config._attn_implementation = "eager"
        return CaptionGraph(model, config, self._search)


def _encoded(model: Any, pixels: torch.Tensor) -> torch.Tensor:
    """What the encoder makes of images, uint8 [images, height, width, 3]: [images, patches, width]."""
    require_size(model, pixels.shape)
    scaled = pixels.permute(0, 3, 1, 2) * getattr(model, PIXEL_SCALE) + getattr(model, PIXEL_SHIFT)
    encoded: torch.Tensor = model.encoder(pixel_values=scaled.to(model.dtype)).last_hidden_state
    return encoded


def _loss_sums(model: Any, tensors: Any, encoded: torch.Tensor) -> torch.Tensor:
    """The cross-entropies of each image's tokens, added up; float32 [images]."""
    tokens, ends = tensors.streams["tokens"].long(), tensors.sequences
    context = model.enc_to_dec_proj(encoded) if hasattr(model, "enc_to_dec_proj") else encoded
    before = tokens.roll(1)  # the token before each one; the start before a caption's first
    before[ends[:-1]] = model.config.decoder_start_token_id
    positions = torch.arange(len(tokens), device=ends.device) - ends[owners(ends, len(tokens))]
    logits = model.decoder(
        inputs_embeds=model.get_input_embeddings()(before[None]),
        position_ids=positions[None],
        encoder_hidden_states=context.flatten(0, 1)[None],
        use_cache=False,
    ).logits[0]
    losses = functional.cross_entropy(logits.float(), tokens, reduction="none")
    # Not by index_add, which adds up in another order each time on a GPU; unsafe is not to look at the lengths there
    return torch.segment_reduce(losses, "sum", lengths=tensors.offsets.diff(), unsafe=True)
