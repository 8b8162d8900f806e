"""Attention within each sequence of an unpadded stream, for transformers' own models.

On a CPU one sequence after the other, with dropout from each row's own bits. On a GPU torch's variable-length kernel,
which has no dropout, or groups of about equal length.
"""

from typing import Any, List, Optional, Tuple

import numpy as np
import torch
from torch import nn
from torch.nn.functional import scaled_dot_product_attention

from podtune.training.engines.layers import draw_multipliers
from podtune.training.engines.sequences import AttentionSpans, Group, Padding, Sequences, running_sequences

NAME = "podtune_unpadded"
"""Under which transformers knows the attention function."""


def attend_within_sequences(model: nn.Module) -> None:
    """Let a transformers model, 4.53 or newer, attend within the running sequences of one unpadded stream."""
    from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

    # A process-wide registry, the only way to give transformers' models another attention. No function for masks is
    # registered beside it: transformers then makes none, of tokens × tokens, nor does it look whether positions begin
    # anew, for which a GPU would have to be waited for.
    ALL_ATTENTION_FUNCTIONS.register(NAME, _attention)
    model.set_attn_implementation(NAME)  # type: ignore[operator]  # a PreTrainedModel has it


def _attention(
    module: nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    _mask: Optional[torch.Tensor],
    *,
    scaling: float,
    dropout: float = 0.0,
    sliding_window: Optional[int] = None,
    **_: Any,
) -> Tuple[torch.Tensor, None]:
    """Attend as transformers asks: [1, heads, tokens, head width] each, to [1, tokens, heads, head width].

    A decoder's cross-attention has keys of equal number for every row, one row's after the other's.
    """
    q, k, v, sequences = query[0], key[0], value[0], running_sequences()
    crossing, causal = getattr(module, "is_cross_attention", False), getattr(module, "is_causal", False)
    window = sliding_window if sliding_window and sliding_window < max(sequences.lengths) else None
    if query.device.type == "cpu":
        own = None if crossing else sequences.self_attention(causal=causal, window=window)
        attended = attend_in_spans(q * scaling, k, v, dropout, own or sequences.cross_attention(key.shape[2]))
    elif crossing:
        attended = attend_to_context(q * scaling, k, v, dropout, sequences)
    elif dropout or causal or window or query.dtype == torch.float32:
        attended = attend_in_groups(q * scaling, k, v, dropout, sequences, causal=causal, window=window)
    else:
        attended = attend_without_dropout(q * (scaling * q.shape[-1] ** 0.5), k, v, sequences)
    return attended[None], None


def attend_in_spans(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, dropout: float, spans: AttentionSpans
) -> torch.Tensor:
    """Attend on a CPU; scaled query, key, value [heads, tokens, width], to [tokens, heads, width]."""
    result: torch.Tensor = _SpanAttention.apply(query, key, value, dropout, spans)  # type: ignore[no-untyped-call]  # torch's
    return result


class _SpanAttention(torch.autograd.Function):
    """Softmax attention whose backward writes each pair's gradient into its part of the streams.

    Autograd's own backward of slicing fills a gradient of the whole stream for every sequence. aten's fused
    kernel has no dropout on a CPU, and takes three times as long in bfloat16.
    """

    @staticmethod
    def forward(  # noqa: PLR0917  # autograd passes arguments by position
        ctx: Any, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, dropout: float, spans: AttentionSpans
    ) -> torch.Tensor:
        attended = query.new_empty(query.shape[1], query.shape[0], query.shape[2])
        ctx.spans, ctx.keys, ctx.saved = spans, key.shape[1], []
        for queries, keys, kept in zip(spans.queries, spans.keys, _multipliers(spans, query, dropout)):
            q, k, v = query[:, queries].contiguous(), key[:, keys].contiguous(), value[:, keys].contiguous()
            scores = torch.bmm(q, k.transpose(1, 2))
            if spans.causal:
                later = torch.ones(scores.shape[1:], dtype=torch.bool, device=scores.device).triu(1)
                scores.masked_fill_(later, -torch.inf)
            if spans.window:
                scores.masked_fill_(~_near(scores.shape[1], spans.window, scores.device), -torch.inf)
            weights = scores.softmax(-1)
            attended[queries] = torch.bmm(_dropped(weights, kept), v).transpose(0, 1)
            ctx.saved.append((q, k, v, weights, kept))
        return attended

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> Tuple[Optional[torch.Tensor], ...]:
        query = torch.empty_like(gradient)
        key, value = (gradient.new_empty(ctx.keys, *gradient.shape[1:]) for _ in range(2))
        for queries, keys, (q, k, v, weights, kept) in zip(ctx.spans.queries, ctx.spans.keys, ctx.saved):
            of_pair = gradient[queries].transpose(0, 1).contiguous()
            value[keys] = torch.bmm(_dropped(weights, kept).transpose(1, 2), of_pair).transpose(0, 1)
            of_weights = _dropped(torch.bmm(of_pair, v.transpose(1, 2)), kept)
            # Private in torch: softmax's own backward in one pass; by public operators it takes three
            of_scores = torch._softmax_backward_data(of_weights, weights, -1, weights.dtype)
            query[queries] = torch.bmm(of_scores, k).transpose(0, 1)
            key[keys] = torch.bmm(of_scores.transpose(1, 2), q).transpose(0, 1)
        return query.transpose(0, 1), key.transpose(0, 1), value.transpose(0, 1), None, None


def _near(tokens: int, window: int, device: torch.device) -> torch.Tensor:
    """Bool [tokens, tokens]: which keys are fewer than `window` positions away from a query."""
    return torch.ones(tokens, tokens, dtype=torch.bool, device=device).tril(window - 1).triu(1 - window)


def _dropped(weights: torch.Tensor, kept: Optional[torch.Tensor]) -> torch.Tensor:
    return weights if kept is None else weights * kept


def _multipliers(spans: AttentionSpans, query: torch.Tensor, probability: float) -> List[Optional[torch.Tensor]]:
    """Dropout's multipliers of each pair's weights, [heads, queries, keys]; None where nothing is dropped."""
    if probability == 0.0:
        return [None] * len(spans.queries)
    shapes = [(len(query), q.stop - q.start, k.stop - k.start) for q, k in zip(spans.queries, spans.keys)]
    counts = np.prod(shapes, axis=1)
    of_rows = np.add.reduceat(counts, spans.firsts[:-1]).tolist()
    drawn = draw_multipliers(spans.noise, of_rows, probability, query.dtype).split(counts.tolist())  # type: ignore[no-untyped-call]  # torch's
    return [part.view(shape) for part, shape in zip(drawn, shapes)]


def attend_without_dropout(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, sequences: Sequences
) -> torch.Tensor:
    """Attend by the variable-length kernel; [heads, tokens, width] each, to [tokens, heads, width].

    Takes 16-bit tensors on a GPU, and scales the scores by 1 / sqrt(width) itself.
    """
    from torch.nn.attention.varlen import varlen_attn  # a young API, which only a GPU needs

    offsets, longest = sequences.offsets, max(sequences.lengths)
    q, k, v = (stream.transpose(0, 1).contiguous() for stream in (query, key, value))
    attended: torch.Tensor = varlen_attn(q, k, v, offsets, offsets, longest, longest)  # type: ignore[assignment]  # no aux
    return attended


def attend_in_groups(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    dropout: float,
    sequences: Sequences,
    *,
    causal: bool,
    window: Optional[int] = None,
) -> torch.Tensor:
    """Attend with torch's dropout, each group padded; scaled [heads, tokens, width] each, to [tokens, heads, width]."""
    padding = sequences.in_groups
    streams = (torch.split(pad(stream.transpose(0, 1), padding), padding.sizes) for stream in (query, key, value))
    attended = []
    for group, *parts in zip(padding.groups, *streams):
        q, k, v = (_in_rows(part, group).transpose(1, 2) for part in parts)
        mask = None if causal else group.mask  # padding comes last, where causal attention does not look
        if window:
            near = _near(group.longest, window, query.device)
            # What is in the place of padding may attend to padding: nothing else may be near it, and none is NaN
            mask = near if mask is None else near & (mask | ~mask.transpose(-2, -1))
        padded = scaled_dot_product_attention(q, k, v, mask, dropout, is_causal=causal, scale=1.0)
        attended.append(padded.transpose(1, 2).flatten(0, 1))
    return unpad(torch.cat(attended), padding)


def attend_to_context(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, dropout: float, sequences: Sequences
) -> torch.Tensor:
    """Let each row attend to its own part of the context, equally long for all rows; shapes as above."""
    padding = sequences.in_rows
    (rows,) = padding.groups
    own = (len(query), rows.sequences, -1, query.shape[-1])
    k, v = (stream.reshape(own).transpose(0, 1) for stream in (key, value))
    q = _in_rows(pad(query.transpose(0, 1), padding), rows).transpose(1, 2)
    padded = scaled_dot_product_attention(q, k, v, dropout_p=dropout, scale=1.0)
    return unpad(padded.transpose(1, 2).flatten(0, 1), padding)


def pad(stream: torch.Tensor, padding: Padding) -> torch.Tensor:
    """[tokens, …] to [places, …]; nothing may depend on what is in a place without a token, and no gradient is."""
    padded: torch.Tensor = _Pad.apply(stream, padding)  # type: ignore[no-untyped-call]  # torch's
    return padded


def unpad(padded: torch.Tensor, padding: Padding) -> torch.Tensor:
    """The other way round."""
    stream: torch.Tensor = _Unpad.apply(padded, padding)  # type: ignore[no-untyped-call]  # torch's
    return stream


def _in_rows(places: torch.Tensor, group: Group) -> torch.Tensor:
    """[sequences × longest, …] to [sequences, longest, …]."""
    return places.view(group.sequences, group.longest, *places.shape[1:])


class _Pad(torch.autograd.Function):
    """Copies rows both ways.

    Autograd's backward of indexing sorts the places on a GPU, to add up where one token has several, and fills a
    gradient of the whole stream for every index.
    """

    @staticmethod
    def forward(ctx: Any, stream: torch.Tensor, padding: Padding) -> torch.Tensor:
        ctx.padding = padding
        return stream.index_select(0, padding.gathered)

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> Tuple[torch.Tensor, None]:
        return gradient.index_select(0, ctx.padding.kept), None


class _Unpad(torch.autograd.Function):
    """Copies rows both ways; each place has one token at most."""

    @staticmethod
    def forward(ctx: Any, padded: torch.Tensor, padding: Padding) -> torch.Tensor:
        ctx.padding = padding
        return padded.index_select(0, padding.kept)

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> Tuple[torch.Tensor, None]:
        padded = gradient.new_zeros(len(ctx.padding.gathered), *gradient.shape[1:])
        return padded.index_copy_(0, ctx.padding.kept, gradient), None
