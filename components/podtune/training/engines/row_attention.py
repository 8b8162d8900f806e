"""Attention on a CPU, one sequence after the other, with dropout from each row's own bits."""

from typing import Any, List, NamedTuple, Optional, Tuple

import torch

from podtune.training.engines.dropout import draw_multipliers
from podtune.training.engines.sequences import Sequences


def attend_by_row(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, dropout: float, sequences: Sequences
) -> torch.Tensor:
    """Attend within each sequence; scaled query, key, value [heads, tokens, width], to [tokens, heads, width]."""
    result: torch.Tensor = _RowAttention.apply(query, key, value, dropout, sequences)  # type: ignore[no-untyped-call]  # torch's
    return result


class _Saved(NamedTuple):
    """What backward needs of one sequence; [heads, length, …] each."""

    query: torch.Tensor
    key: torch.Tensor
    value: torch.Tensor
    weights: torch.Tensor
    kept: Optional[torch.Tensor]
    """Dropout's multipliers."""


class _RowAttention(torch.autograd.Function):
    """Softmax attention whose backward writes each sequence's gradient into its part of the stream.

    Autograd's own backward of slicing fills a gradient of the whole stream for every sequence. aten's fused
    kernel has no dropout on a CPU, and takes three times as long in bfloat16.
    """

    @staticmethod
    def forward(  # noqa: PLR0917  # autograd passes arguments by position
        ctx: Any, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, dropout: float, sequences: Sequences
    ) -> torch.Tensor:
        attended = query.new_empty(query.shape[1], query.shape[0], query.shape[2])
        ctx.parts, ctx.saved = sequences.parts, []
        for part, kept in zip(ctx.parts, _multipliers(sequences, len(query), dropout, query.dtype)):
            q, k, v = (stream[:, part].contiguous() for stream in (query, key, value))
            weights = torch.bmm(q, k.transpose(1, 2)).softmax(-1)
            attended[part] = torch.bmm(_dropped(weights, kept), v).transpose(0, 1)
            ctx.saved.append(_Saved(q, k, v, weights, kept))
        return attended

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> Tuple[Optional[torch.Tensor], ...]:
        streams = [torch.empty_like(gradient) for _ in range(3)]
        for part, saved in zip(ctx.parts, ctx.saved):
            parts = _backward(gradient[part].transpose(0, 1).contiguous(), saved)
            for stream, of_part in zip(streams, parts):
                stream[part] = of_part.transpose(0, 1)
        query, key, value = (stream.transpose(0, 1) for stream in streams)
        return query, key, value, None, None


def _backward(gradient: torch.Tensor, saved: _Saved) -> List[torch.Tensor]:
    """Gradients of one sequence's query, key and value."""
    of_value = torch.bmm(_dropped(saved.weights, saved.kept).transpose(1, 2), gradient)
    of_weights = _dropped(torch.bmm(gradient, saved.value.transpose(1, 2)), saved.kept)
    of_scores = torch._softmax_backward_data(of_weights, saved.weights, -1, saved.weights.dtype)
    return [torch.bmm(of_scores, saved.key), torch.bmm(of_scores.transpose(1, 2), saved.query), of_value]


def _dropped(weights: torch.Tensor, kept: Optional[torch.Tensor]) -> torch.Tensor:
    return weights if kept is None else weights * kept


def _multipliers(
    sequences: Sequences, heads: int, probability: float, dtype: torch.dtype
) -> List[Optional[torch.Tensor]]:
    """Dropout's multipliers of each sequence's weights, [heads, length, length]; None where nothing is dropped."""
    lengths = sequences.lengths
    if probability == 0.0:
        return [None] * len(lengths)
    counts = [heads * length * length for length in lengths]
    drawn = draw_multipliers(sequences, counts, probability, dtype).split(counts)  # type: ignore[no-untyped-call]  # torch's
    return [part.view(heads, length, length) for part, length in zip(drawn, lengths)]
