"""Attention within each sequence of a stream, for transformers' own models.

Needs a transformers with AttentionInterface and AttentionMaskInterface (4.53 or newer, which needs Python 3.9).
"""

from typing import Any, List, Optional, Tuple

import torch
from torch import nn
from transformers.masking_utils import ALL_MASK_ATTENTION_FUNCTIONS
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

from podtune.training.engines.dropout import multipliers
from podtune.training.engines.noise import RowNoise
from podtune.training.engines.sequences import running_sequences

NAME = "podtune_unpadded"
"""Under which transformers knows the attention function."""


def attend_within_sequences(model: nn.Module) -> None:
    """Let a transformers model attend within the running sequences of one unpadded stream."""
    ALL_ATTENTION_FUNCTIONS.register(NAME, _attention)
    ALL_MASK_ATTENTION_FUNCTIONS.register(NAME, _no_mask)
    model.set_attn_implementation(NAME)  # type: ignore[operator]  # a PreTrainedModel has it


def _no_mask(*_: Any, **__: Any) -> None:
    """Nothing is padded."""


def _attention(
    _module: nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    _mask: Optional[torch.Tensor],
    *,
    scaling: float,
    dropout: float = 0.0,
    **_: Any,
) -> Tuple[torch.Tensor, None]:
    """Attend as transformers asks: [1, heads, tokens, head width] each, to [1, tokens, heads, head width]."""
    sequences = running_sequences()
    outputs: List[torch.Tensor] = []
    start = 0
    for row, length in enumerate(sequences.lengths):
        part = (slice(None), slice(None), slice(start, start + length))
        scores = (query[part] * scaling) @ key[part].transpose(-1, -2)
        weights = _dropped(scores.softmax(-1), row, dropout, sequences.noise)
        outputs.append((weights @ value[part]).transpose(1, 2))
        start += length
    return torch.cat(outputs, dim=1), None


def _dropped(weights: torch.Tensor, row: int, probability: float, noise: Optional[RowNoise]) -> torch.Tensor:
    if probability == 0.0 or noise is None:
        return weights
    return weights * multipliers(noise.bits(row, weights.numel()), probability, weights.dtype).view(weights.shape)
