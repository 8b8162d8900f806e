"""What the CPU under a training step can do, and what this process does with its threads and memory."""

import ctypes
import logging
import platform
from pathlib import Path
from typing import Any

import torch

from podtune.training.engines.states import Rounding
from podtune.training.records import core_limit, usable_cores

_log = logging.getLogger(__name__)

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
_BYTES = 1 << 30


def multiplies_in_tiles() -> bool:
    """Whether this CPU has AMX."""
    return _answers_yes(torch.cpu, "_is_amx_tile_supported")


def has_avx512_bfloat16() -> bool:
    """Whether this CPU has AVX-512's instructions for bfloat16."""
    return _answers_yes(torch.cpu, "_is_avx512_bf16_supported")


def multiplies_bfloat16() -> bool:
    """Whether this CPU has instructions for bfloat16, without which it is far slower than float32."""
    if platform.machine() in ("x86_64", "AMD64"):
        return multiplies_in_tiles() or has_avx512_bfloat16()
    return _answers_yes(torch.ops.mkldnn, "_is_mkldnn_bf16_supported")


def _answers_yes(module: Any, probe: str) -> bool:
    """Ask torch, which has no public names for these: where a release has renamed one, the CPU counts as without it."""
    return bool(getattr(module, probe, lambda: False)())


def keep_to_quota(system: Path = Path("/")) -> None:
    """Start no more threads than the container's CPU limit lets run at once: torch counts the machine's cores.

    A parallel region waits for its slowest thread; one that the limit holds back holds up all.
    """
    limit = core_limit(system)
    if limit:
        torch.set_num_threads(min(torch.get_num_threads(), limit))


def divide_as_before(before: Rounding, processes: int) -> None:
    """Compute with as many threads as the run began with, so that it continues bit for bit; say where it cannot."""
    cores = usable_cores()
    if before.threads and before.threads <= cores:
        torch.set_num_threads(before.threads)
    if (before.threads, before.processes) not in ((0, 0), (torch.get_num_threads(), processes)):
        _log.warning(
            "this run began with %d × %d threads (processes × threads) and goes on with %d × %d, on %d cores: sums "
            "round otherwise, so that its result is not bit for bit that of an undisturbed run",
            *(before.processes, before.threads, processes, torch.get_num_threads(), cores),
        )


def keep_freed_memory() -> None:
    """Let this process keep what it frees for its next step.

    glibc gives large blocks back to the kernel and asks for them again in the next step; the page faults took
    3 to 12 % of a BERT-base step. Other allocators have no such function, and are left alone.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_TRIM_THRESHOLD, _BYTES)
        mallopt(_MMAP_THRESHOLD, _BYTES)
