"""Attention on a CPU, one sequence after the other, with dropout from each row's own bits."""

from typing import Any, List, NamedTuple, Optional, Tuple

import numpy as np
import torch

from podtune.training.engines.dropout import draw_multipliers
from podtune.training.engines.sequences import Reach


def attend_by_row(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, dropout: float, reach: Reach
) -> torch.Tensor:
    """Attend where `reach` says; scaled query, key, value [heads, tokens, width], to [tokens, heads, width]."""
    result: torch.Tensor = _RowAttention.apply(query, key, value, dropout, reach)  # type: ignore[no-untyped-call]  # torch's
    return result


class _Saved(NamedTuple):
    """What backward needs of one pair of `reach`; [heads, length, …] each."""

    query: torch.Tensor
    key: torch.Tensor
    value: torch.Tensor
    weights: torch.Tensor
    kept: Optional[torch.Tensor]
    """Dropout's multipliers."""


class _RowAttention(torch.autograd.Function):
    """Softmax attention whose backward writes each pair's gradient into its part of the streams.

    Autograd's own backward of slicing fills a gradient of the whole stream for every sequence. aten's fused
    kernel has no dropout on a CPU, and takes three times as long in bfloat16.
    """

    @staticmethod
    def forward(  # noqa: PLR0917  # autograd passes arguments by position
        ctx: Any, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, dropout: float, reach: Reach
    ) -> torch.Tensor:
        attended = query.new_empty(query.shape[1], query.shape[0], query.shape[2])
        ctx.reach, ctx.keys, ctx.saved = reach, key.shape[1], []
        kept_of_pairs = _multipliers(reach, len(query), dropout, query.dtype)
        for asking, asked, kept in zip(reach.queries, reach.keys, kept_of_pairs):
            q, k, v = query[:, asking].contiguous(), key[:, asked].contiguous(), value[:, asked].contiguous()
            weights = _masked(torch.bmm(q, k.transpose(1, 2)), reach.causal).softmax(-1)
            attended[asking] = torch.bmm(_dropped(weights, kept), v).transpose(0, 1)
            ctx.saved.append(_Saved(q, k, v, weights, kept))
        return attended

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> Tuple[Optional[torch.Tensor], ...]:
        query = torch.empty_like(gradient)
        key, value = (gradient.new_empty(ctx.keys, *gradient.shape[1:]) for _ in range(2))
        for asking, asked, saved in zip(ctx.reach.queries, ctx.reach.keys, ctx.saved):
            of_query, of_key, of_value = _backward(gradient[asking].transpose(0, 1).contiguous(), saved)
            query[asking] = of_query.transpose(0, 1)
            key[asked], value[asked] = of_key.transpose(0, 1), of_value.transpose(0, 1)
        return query.transpose(0, 1), key.transpose(0, 1), value.transpose(0, 1), None, None


def _backward(gradient: torch.Tensor, saved: _Saved) -> List[torch.Tensor]:
    """Gradients of one pair's query, key and value."""
    of_value = torch.bmm(_dropped(saved.weights, saved.kept).transpose(1, 2), gradient)
    of_weights = _dropped(torch.bmm(gradient, saved.value.transpose(1, 2)), saved.kept)
    of_scores = torch._softmax_backward_data(of_weights, saved.weights, -1, saved.weights.dtype)
    return [torch.bmm(of_scores, saved.key), torch.bmm(of_scores.transpose(1, 2), saved.query), of_value]


def _dropped(weights: torch.Tensor, kept: Optional[torch.Tensor]) -> torch.Tensor:
    return weights if kept is None else weights * kept


def _masked(scores: torch.Tensor, causal: bool) -> torch.Tensor:
    """Hide, where the attention is causal, the keys after each query's own place."""
    if not causal:
        return scores
    hidden = torch.ones(scores.shape[1:], dtype=torch.bool, device=scores.device).triu(1)
    return scores.masked_fill_(hidden, -torch.inf)


def _multipliers(reach: Reach, heads: int, probability: float, dtype: torch.dtype) -> List[Optional[torch.Tensor]]:
    """Dropout's multipliers of each pair's weights, [heads, queries, keys]; None where nothing is dropped."""
    if probability == 0.0:
        return [None] * len(reach.queries)
    shapes = [(heads, q.stop - q.start, k.stop - k.start) for q, k in zip(reach.queries, reach.keys)]
    counts = np.prod(shapes, axis=1)
    of_rows = np.add.reduceat(counts, reach.firsts[:-1]).tolist()
    drawn = draw_multipliers(reach.noise, of_rows, probability, dtype).split(counts.tolist())  # type: ignore[no-untyped-call]  # torch's
    return [part.view(shape) for part, shape in zip(drawn, shapes)]
