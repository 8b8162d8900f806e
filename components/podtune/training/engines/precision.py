"""What a model computes in: what its recipe names, or what a measurement on this CPU shows to be faster."""

import logging
import time
from copy import deepcopy
from typing import Any, NamedTuple

import torch
from torch import nn

from podtune.training.config import TrainingConfig
from podtune.training.engines.cpu import multiplies_bfloat16

CLEARLY = 1.15
"""So many times as fast as float32 bfloat16 has to be: float32 rounds less, and a measurement of milliseconds errs."""

_TOKENS = 256
"""Enough for matrices to be multiplied as fast as in a whole micro-batch."""

_SECONDS = 0.5
_LEAST_ROUNDS, _MOST_ROUNDS = 2, 8
"""After one that is not counted; in between as many as _SECONDS allow."""

_log = logging.getLogger(__name__)


class Times(NamedTuple):
    """Seconds of processor time for the same work."""

    float32: float
    bfloat16: float


def precision_before(config: TrainingConfig, device: torch.device) -> torch.dtype:
    """What to compute in before anything is measured; float32 where bfloat16 was named and would only be slower."""
    if config.precision == "float32" or (config.precision == "auto" and device.type == "cpu"):
        return torch.float32
    if has_bfloat16(device):
        return torch.bfloat16
    _log.info("this %s does not multiply bfloat16; computing in float32", device.type)
    return torch.float32


def has_bfloat16(device: torch.device) -> bool:
    """Whether the device has instructions for bfloat16; without them it is far slower than float32."""
    if device.type == "cpu":
        return multiplies_bfloat16()
    return bool(torch.cuda.is_bf16_supported(including_emulation=False))


def measured_precision(architecture: Any, tokens: int) -> torch.dtype:
    """What this CPU trains such a model faster in, so many tokens at a time; float32 unless bfloat16 clearly is."""
    if not multiplies_bfloat16():
        _log.info("computing in float32: this CPU has no instructions for bfloat16")
        return torch.float32
    tokens = min(tokens, _TOKENS)
    times = time_block(architecture, tokens)
    precision = faster(times)
    _log.info(
        "computing in %s: a layer takes %.2f ms in float32 and %.2f ms in bfloat16 (processor time, %d tokens forward "
        "and backward); bfloat16 has to be %g times as fast",
        name_of(precision),
        *(1e3 * seconds for seconds in times),
        tokens,
        CLEARLY,
    )
    return precision


def faster(times: Times) -> torch.dtype:
    """Float32 unless bfloat16 is clearly faster."""
    return torch.bfloat16 if times.float32 >= CLEARLY * times.bfloat16 else torch.float32


def name_of(precision: torch.dtype) -> str:
    """As recipes and records write it."""
    return str(precision).replace("torch.", "")


def time_block(architecture: Any, tokens: int) -> Times:
    """Time a layer of a model's sizes, forward and backward, in both precisions by turns; the best of each.

    Multiplying alone would not tell: what is done element by element takes longer in bfloat16 on some CPUs. Processor
    time does not count what other processes take.
    """
    sizes = getattr(architecture, "decoder", architecture)
    hidden, heads = sizes.hidden_size, sizes.num_attention_heads
    between = getattr(sizes, "intermediate_size", None) or 4 * hidden
    with torch.random.fork_rng(devices=()):
        layer = nn.TransformerEncoderLayer(hidden, heads, between, dropout=0.0, activation="gelu", batch_first=True)
    layers = layer, deepcopy(layer).to(torch.bfloat16)
    best, began = [float("inf"), float("inf")], time.perf_counter()
    for done in range(_MOST_ROUNDS + 1):
        seconds = [_time(layer, hidden, tokens) for layer in layers]
        if done:
            best = [min(pair) for pair in zip(best, seconds)]
        if done >= _LEAST_ROUNDS and time.perf_counter() - began > _SECONDS:
            break
    return Times(*best)


def _time(layer: nn.Module, hidden: int, tokens: int) -> float:
    precision = next(layer.parameters()).dtype
    stream = torch.ones(1, tokens, hidden, dtype=precision, requires_grad=True)
    began = time.process_time()
    layer(stream).sum().backward()
    return time.process_time() - began
