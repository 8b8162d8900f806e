"""The electricity that NVIDIA GPUs take, as NVML counts it on most since Volta."""

from functools import lru_cache
from typing import Any, Optional, Tuple


def joules_of(uuids: Tuple[str, ...]) -> Optional[float]:
    """What these GPUs have taken since their driver was loaded; None where one does not tell, or NVML is not there.

    A difference of two readings tells what was taken between them.
    """
    try:
        import pynvml
    except ImportError:
        return None
    try:
        taken = [pynvml.nvmlDeviceGetTotalEnergyConsumption(handle) for handle in _handles(uuids)]
    except pynvml.NVMLError:
        return None
    return sum(taken) / 1e3 if taken else None  # it counts in millijoules


@lru_cache(maxsize=1)
def _handles(uuids: Tuple[str, ...]) -> Tuple[Any, ...]:
    """Opening NVML takes far longer than a reading; it stays open until the process ends."""
    import pynvml

    pynvml.nvmlInit()
    return tuple(pynvml.nvmlDeviceGetHandleByUUID(f"GPU-{uuid}") for uuid in uuids)
