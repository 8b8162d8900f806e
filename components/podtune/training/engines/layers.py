"""Stand-ins for a model's dropout and linear layers, faster on a CPU and free of the order of rows.

Models are transformers' own, so the stand-ins replace their modules from outside, under the same names. Without
RowDropout a mask would depend on how a batch is cut and shared out, and cost seven times as much: aten's dropout takes
5.5 ns an element on a CPU; raw SFC64 bits, compared and multiplied, take 0.8. Without CopyingLinear training on a CPU
with AMX is slower; nothing else changes.
"""

from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import Any, Callable, List, Optional, Tuple

import numpy as np
import torch
from torch import nn

from podtune.formats.ragged import offsets_of
from podtune.training.engines.sequences import RANDOM_BITS, RowNoise, running_sequences


def set_dropout(model: nn.Module, probability: float) -> None:
    """Give every dropout module of a model the same probability."""
    for module in model.modules():
        if isinstance(module, (nn.Dropout, RowDropout)):
            module.p = probability


def set_attention_dropout(model: nn.Module, probability: float) -> None:
    """The same for attention that has a number instead of a module, as ModernBERT's."""
    for module in model.modules():
        if isinstance(getattr(module, "attention_dropout", None), (int, float)):
            module.attention_dropout = probability  # type: ignore[assignment]  # as it was: a number


def draw_by_row(model: nn.Module) -> None:
    """Replace every nn.Dropout of a model, so that its masks come from the running sequences' noise."""
    _replace(model, lambda module: RowDropout(module.p) if isinstance(module, nn.Dropout) else None)


def copy_before_multiplying(model: nn.Module) -> None:
    """Replace every nn.Linear of a model; its parameters stay the same objects under the same names."""
    _replace(model, lambda module: CopyingLinear(module) if type(module) is nn.Linear else None)


def _replace(model: nn.Module, stand_in: Callable[[nn.Module], Optional[nn.Module]]) -> None:
    """Replace each module of a model for which `stand_in` returns another."""
    for parent in list(model.modules()):
        for name, child in parent.named_children():
            replacement = stand_in(child)
            if replacement is not None:
                setattr(parent, name, replacement)


class RowDropout(nn.Module):
    """Stands in for nn.Dropout on one stream of tokens, [1, tokens, …], or on rows of equal length, [rows, …]."""

    def __init__(self, probability: float) -> None:
        super().__init__()
        self.p = probability

    def forward(self, stream: torch.Tensor) -> torch.Tensor:
        if not self.training or self.p == 0.0:
            return stream
        sequences = running_sequences()
        drawn = draw_multipliers(sequences.noise, sequences.counts(stream), self.p, stream.dtype)
        return stream * drawn.view(stream.shape)


def draw_multipliers(
    noise: Optional[RowNoise], counts: List[int], probability: float, dtype: torch.dtype
) -> torch.Tensor:
    """Draw so many multipliers for each row, one row after the other in a flat tensor.

    A multiplier is 0 where an element is dropped, and scales the others so that their mean is kept.
    """
    threshold, scale = threshold_and_scale(probability, dtype)
    offsets = offsets_of(np.array(counts))
    drawn = torch.empty(int(offsets[-1]), dtype=dtype)
    pattern = torch.tensor(scale, dtype=dtype)
    if dtype == torch.bfloat16:  # which numpy lacks: multiply bit patterns instead
        target, kept = drawn.view(torch.int16).numpy(), pattern.view(torch.int16).numpy()
    else:
        target, kept = drawn.numpy(), pattern.numpy()

    def fill(row: int) -> None:
        bits = noise.bits(row, counts[row])  # type: ignore[union-attr]  # there is noise in training
        np.multiply(bits >= threshold, kept, out=target[offsets[row] : offsets[row + 1]])

    for filling in [_threads(torch.get_num_threads()).submit(fill, row) for row in range(len(counts))]:
        filling.result()
    return drawn


def threshold_and_scale(probability: float, dtype: torch.dtype) -> Tuple[int, float]:
    """Bits below the threshold drop an element; the scale makes up for it exactly.

    The scale is rounded to the dtype first and the probability follows it: 0.1 becomes 0.0986 in bfloat16,
    whose nearest number to 1 / 0.9 is 1.109375.
    """
    scale = torch.tensor(1.0 / (1.0 - probability), dtype=dtype).item()
    return round((1.0 - 1.0 / scale) * (1 << RANDOM_BITS)), scale


@lru_cache(maxsize=1)
def _threads(count: int) -> ThreadPoolExecutor:
    """Numpy draws and multiplies without Python's lock, so that rows are drawn side by side."""
    return ThreadPoolExecutor(count)


class CopyingLinear(nn.Module):
    """Stands in for nn.Linear; its weight gradient is multiplied at AMX's full speed.

    Autograd multiplies the gradient transposed by the input. On AMX that runs at half the speed of the other two
    products; with the narrower operand copied transposed first it runs at theirs (measured on a Xeon at BERT-base's
    shapes: 457-577 against 929-1,180 GFLOP/s on one core). A CPU without AMX has no such gap, and keeps nn.Linear.
    """

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.weight, self.bias = linear.weight, linear.bias

    def forward(self, stream: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = _Linear.apply(stream, self.weight, self.bias)  # type: ignore[no-untyped-call]  # torch's
        return result


class _Linear(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, stream: torch.Tensor, weight: torch.Tensor, bias: Optional[torch.Tensor]) -> torch.Tensor:
        ctx.save_for_backward(stream, weight)
        ctx.has_bias = bias is not None
        return nn.functional.linear(stream, weight, bias)

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> Tuple[Optional[torch.Tensor], ...]:
        stream, weight = ctx.saved_tensors
        inputs, outputs = stream.flatten(0, -2), gradient.flatten(0, -2)
        if outputs.shape[1] <= inputs.shape[1]:
            of_weight = outputs.t().contiguous() @ inputs
        else:
            of_weight = (inputs.t().contiguous() @ outputs).t()
        return gradient @ weight, of_weight, outputs.sum(0) if ctx.has_bias else None
