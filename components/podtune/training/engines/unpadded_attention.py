"""Attention within each sequence of a stream, for transformers' own models.

Needs a transformers with AttentionInterface and AttentionMaskInterface (4.53 or newer, which needs Python 3.9).
"""

from typing import Any, Optional, Tuple

import torch
from torch import nn
from transformers.masking_utils import ALL_MASK_ATTENTION_FUNCTIONS
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

from podtune.training.engines.gpu_attention import attend_in_groups, attend_to_context, attend_without_dropout
from podtune.training.engines.row_attention import attend_by_row
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
    module: nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    _mask: Optional[torch.Tensor],
    *,
    scaling: float,
    dropout: float = 0.0,
    **_: Any,
) -> Tuple[torch.Tensor, None]:
    """Attend as transformers asks: [1, heads, tokens, head width] each, to [1, tokens, heads, head width].

    A decoder's cross-attention has keys of equal number for every row, one row's after the other's.
    """
    q, k, v, sequences = query[0], key[0], value[0], running_sequences()
    crossing, causal = getattr(module, "is_cross_attention", False), getattr(module, "is_causal", False)
    if not query.is_cuda:
        reach = sequences.towards(key.shape[2]) if crossing else sequences.within(causal)
        attended = attend_by_row(q * scaling, k, v, dropout, reach)
    elif crossing:
        attended = attend_to_context(q * scaling, k, v, dropout, sequences)
    elif dropout or causal or query.dtype == torch.float32:
        attended = attend_in_groups(q * scaling, k, v, dropout, sequences, causal=causal)
    else:
        attended = attend_without_dropout(q * (scaling * q.shape[-1] ** 0.5), k, v, sequences)
    return attended[None], None
