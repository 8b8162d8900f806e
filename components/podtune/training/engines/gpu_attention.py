"""Attention on a GPU: torch's variable-length kernel, which has no dropout, or groups of about equal length."""

import torch
from torch.nn.attention.varlen import varlen_attn
from torch.nn.functional import scaled_dot_product_attention

from podtune.training.engines.sequences import Sequences


def attend_without_dropout(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, sequences: Sequences
) -> torch.Tensor:
    """Attend by the variable-length kernel; [heads, tokens, width] each, to [tokens, heads, width].

    Takes 16-bit tensors on a GPU, and scales the scores by 1 / sqrt(width) itself.
    """
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
) -> torch.Tensor:
    """Attend with torch's dropout, each group padded; scaled [heads, tokens, width] each, to [tokens, heads, width]."""
    attended = torch.empty_like(query)
    for group in sequences.groups:
        q, k, v = (stream[:, group.gathered].transpose(0, 1) for stream in (query, key, value))
        mask = None if causal else group.mask  # padding comes last, where causal attention does not look
        found = scaled_dot_product_attention(q, k, v, mask, dropout, is_causal=causal, scale=1.0)
        attended[:, group.tokens] = found.transpose(0, 1).flatten(1, 2)[:, group.kept]
    return attended.transpose(0, 1)


def attend_to_context(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, dropout: float, sequences: Sequences
) -> torch.Tensor:
    """Let each row attend to its own part of the context, as many places for every row; shapes as above."""
    attended, rows = torch.empty_like(query), sequences.rows
    own = (len(query), len(sequences.row_lengths), -1, query.shape[-1])
    k, v = (stream.reshape(own).transpose(0, 1) for stream in (key, value))
    q = query[:, rows.gathered].transpose(0, 1)
    found = scaled_dot_product_attention(q, k, v, dropout_p=dropout, scale=1.0)
    attended[:, rows.tokens] = found.transpose(0, 1).flatten(1, 2)[:, rows.kept]
    return attended.transpose(0, 1)
