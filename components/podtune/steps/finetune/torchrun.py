"""One process for each GPU, started by torchrun."""

import os
import sys
from typing import List


def visible_gpus() -> int:
    """Count the GPUs that this process may use."""
    import torch

    return int(torch.cuda.device_count())


def is_running() -> bool:
    """Whether torchrun has started this process."""
    return "WORLD_SIZE" in os.environ


def launcher(count: int) -> List[str]:
    """What starts so many processes on this machine, which end together."""
    return [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(count)]
