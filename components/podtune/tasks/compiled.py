"""What the models of several tasks need where they are compiled, part by part, for rows of one length."""

from typing import Any

import torch

FAR = 1e4
"""Subtracted from a score, it leaves nothing of it after a softmax; float16 has numbers as large."""


def attention_bias(allowed: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """What is added to the scores of attention, [rows, 1, width, width], where bool [rows, width, width] is allowed."""
    return ((allowed.to(dtype) - 1.0) * FAR)[:, None]


def hidden_of(told: Any) -> torch.Tensor:
    """What a layer puts out, which transformers 4 wraps in a tuple."""
    hidden: torch.Tensor = told if torch.is_tensor(told) else told[0]
    return hidden
