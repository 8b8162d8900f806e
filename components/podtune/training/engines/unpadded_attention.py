"""Attention within each sequence of a stream, for transformers' own models.

Needs a transformers with AttentionInterface and AttentionMaskInterface (4.53 or newer, which needs Python 3.9).
"""

from typing import Any, List, NamedTuple, Optional, Tuple

import torch
from torch import nn
from transformers.masking_utils import ALL_MASK_ATTENTION_FUNCTIONS
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

from podtune.training.engines.dropout import multipliers
from podtune.training.engines.sequences import Sequences, running_sequences

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
    attended = _RowAttention.apply(query[0] * scaling, key[0], value[0], dropout, running_sequences())  # type: ignore[no-untyped-call]  # torch's
    return attended[None], None


class _Saved(NamedTuple):
    """What backward needs of one sequence; [heads, length, …] each."""

    query: torch.Tensor
    key: torch.Tensor
    value: torch.Tensor
    weights: torch.Tensor
    kept: Optional[torch.Tensor]
    """Dropout's multipliers."""


class _RowAttention(torch.autograd.Function):
    """Softmax attention with dropout, one sequence after the other.

    Autograd's own backward of slicing fills a gradient of the whole stream for every sequence; here each
    sequence writes its part. aten's fused kernel has no dropout on a CPU, and is the slower one without.
    """

    @staticmethod
    def forward(  # noqa: PLR0917  # autograd passes arguments by position
        ctx: Any, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, dropout: float, sequences: Sequences
    ) -> torch.Tensor:
        """Attend; [heads, tokens, head width] each, to [tokens, heads, head width]."""
        attended = query.new_empty(query.shape[1], query.shape[0], query.shape[2])
        ctx.saved = []
        for row, part in enumerate(sequences.parts()):
            q, k, v = (stream[:, part].contiguous() for stream in (query, key, value))
            weights = torch.bmm(q, k.transpose(1, 2)).softmax(-1)
            kept = _multipliers(sequences, row, dropout, weights)
            dropped = weights if kept is None else weights * kept
            attended[part] = torch.bmm(dropped, v).transpose(0, 1)
            ctx.saved.append(_Saved(q, k, v, weights, kept))
        ctx.parts = sequences.parts()
        return attended

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> Tuple[Optional[torch.Tensor], ...]:
        """Follow the chain rule back through one sequence after the other."""
        query, key, value = (torch.empty_like(gradient) for _ in range(3))
        for part, saved in zip(ctx.parts, ctx.saved):
            parts = _backward(gradient[part].transpose(0, 1).contiguous(), saved)
            for stream, of_part in zip((query, key, value), parts):
                stream[part] = of_part.transpose(0, 1)
        return query.transpose(0, 1), key.transpose(0, 1), value.transpose(0, 1), None, None


def _backward(gradient: torch.Tensor, saved: _Saved) -> List[torch.Tensor]:
    """Gradients of one sequence's query, key and value."""
    dropped = saved.weights if saved.kept is None else saved.weights * saved.kept
    of_value = torch.bmm(dropped.transpose(1, 2), gradient)
    of_weights = torch.bmm(gradient, saved.value.transpose(1, 2))
    if saved.kept is not None:
        of_weights *= saved.kept
    of_scores = torch._softmax_backward_data(of_weights, saved.weights, -1, saved.weights.dtype)
    return [torch.bmm(of_scores, saved.key), torch.bmm(of_scores.transpose(1, 2), saved.query), of_value]


def _multipliers(sequences: Sequences, row: int, probability: float, weights: torch.Tensor) -> Optional[torch.Tensor]:
    if probability == 0.0:
        return None
    bits = sequences.noise.bits(row, weights.numel())  # type: ignore[union-attr]  # given in training
    return multipliers(bits, probability, weights.dtype).view(weights.shape)
