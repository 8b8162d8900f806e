"""ViT and GPT-2 on rows of one length, as they are compiled: what is learnt, and what is predicted."""

from typing import Any, Tuple

import torch
from torch import nn
from torch.nn import functional

from podtune.tasks.compiled import attention_bias, hidden_of
from podtune.tasks.image_captioning.pretrained import PIXEL_SCALE, PIXEL_SHIFT


class Trunk(nn.Module):
    """The model up to what it writes tokens with, part by part: its own forward takes one caption a row.

    pixels are uint8 [rows, 3, height, width]. Of the captions, int32 [rows, width] each, come the tokens `before` those
    that are to be found, their positions, and the number of the caption that each belongs to.
    """

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model
        for layer in model.decoder.transformer.h:
            if hasattr(layer.attn, "bias"):  # transformers 4 has a mask of its own in here, for one caption a row
                layer.attn.bias = layer.attn.bias[:, :, :1, :1].clone()

    def forward(
        self, pixels: torch.Tensor, before: torch.Tensor, positions: torch.Tensor, caption: torch.Tensor
    ) -> torch.Tensor:
        seen, decoder = self._seen(pixels), self.model.decoder.transformer
        hidden: torch.Tensor = decoder.drop(decoder.wte(before) + decoder.wpe(positions))
        bias = _own_past(positions, caption, hidden.dtype)
        for layer in decoder.h:
            hidden = hidden_of(layer(hidden, attention_mask=bias, encoder_hidden_states=seen))
        hidden = decoder.ln_f(hidden)
        return hidden

    def logits(self, hidden: torch.Tensor) -> torch.Tensor:
        """Of every token, float32 [rows, places, vocabulary]."""
        logits: torch.Tensor = self.model.decoder.lm_head(hidden).float()
        return logits

    def _seen(self, pixels: torch.Tensor) -> torch.Tensor:
        model, encoder = self.model, self.model.encoder
        scaled = pixels.float() * getattr(model, PIXEL_SCALE).float() + getattr(model, PIXEL_SHIFT).float()
        hidden: torch.Tensor = encoder.embeddings(scaled.to(encoder.embeddings.cls_token.dtype))
        for layer in encoder_layers(encoder):
            hidden = hidden_of(layer(hidden))
        hidden = encoder.layernorm(hidden)
        return model.enc_to_dec_proj(hidden) if hasattr(model, "enc_to_dec_proj") else hidden


class Training(nn.Module):
    """To the weighted sum of the tokens' losses."""

    def __init__(self, trunk: Trunk) -> None:
        super().__init__()
        self.trunk = trunk

    def forward(  # noqa: PLR0917  # passed by name
        self,
        pixels: torch.Tensor,
        before: torch.Tensor,
        positions: torch.Tensor,
        caption: torch.Tensor,
        tokens: torch.Tensor,
        weights: torch.Tensor,
    ) -> torch.Tensor:
        logits = self.trunk.logits(self.trunk(pixels, before, positions, caption))
        return (_losses(logits, tokens) * weights).sum()


class Predicting(nn.Module):
    """To the tokens' losses, float32 [rows, width], and the likeliest next tokens at `places`, int32 [rows, beams].

    Of these come log-probabilities, float32, and ids, both [rows, beams, kept].
    """

    def __init__(self, trunk: Trunk, kept: int) -> None:
        super().__init__()
        self.trunk, self._kept = trunk, kept

    def forward(  # noqa: PLR0917  # passed by name
        self,
        pixels: torch.Tensor,
        before: torch.Tensor,
        positions: torch.Tensor,
        caption: torch.Tensor,
        tokens: torch.Tensor,
        places: torch.Tensor,
    ) -> Tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        hidden = self.trunk(pixels, before, positions, caption)
        width = hidden.shape[1]
        is_place = places[:, :, None] == torch.arange(width, device=places.device)
        chosen = is_place.to(hidden.dtype) @ hidden
        logits = self.trunk.logits(torch.cat([hidden, chosen], dim=1))  # at once, for it is a stage of the pipeline
        best, ids = logits[:, width:].log_softmax(-1).topk(self._kept)
        return _losses(logits[:, :width], tokens), best, ids


def encoder_layers(encoder: Any) -> Any:
    """ViT's layers."""
    return encoder.layers if hasattr(encoder, "layers") else encoder.encoder.layer  # the latter in transformers 4


def _own_past(positions: torch.Tensor, caption: torch.Tensor, kind: torch.dtype) -> torch.Tensor:
    """What is added to scores, [rows, 1, width, width]: a token attends to its own caption, as far as itself."""
    together = caption[:, :, None] == caption[:, None, :]
    earlier = positions[:, :, None] >= positions[:, None, :]
    return attention_bias(together & earlier, kind)


def _losses(logits: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
    """Cross-entropies, float32 [rows, width]."""
    losses = functional.cross_entropy(logits.flatten(0, 1), tokens.flatten().long(), reduction="none")
    return losses.reshape(tokens.shape)
