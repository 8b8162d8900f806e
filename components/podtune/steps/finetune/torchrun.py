"""One process for each GPU, started by torchrun."""

import contextlib
import os
import sys
from typing import Iterator, List


def visible_gpus() -> int:
    """Count the GPUs that this process may use."""
    import torch

    return int(torch.cuda.device_count())


def is_running() -> bool:
    """Whether torchrun has started this process."""
    return "WORLD_SIZE" in os.environ


def is_first() -> bool:
    """Whether this is the first of all processes that torchrun has started, or the only one."""
    return os.environ.get("RANK", "0") == "0"


def launcher(count: int) -> List[str]:
    """The command line that starts so many processes on this machine."""
    return [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(count)]


@contextlib.contextmanager
def first_process_before_others(device: str) -> Iterator[bool]:
    """Say whether this is the first process of its machine; none leaves the block before all of these are through it.

    Where the first one fails, it says why, and the others end without another message.
    """
    if not is_running():
        yield True
        return
    from podtune.training.engines.processes import join_processes

    processes = join_processes("cuda" if device == "gpu" else device)
    yield os.environ.get("LOCAL_RANK", "0") == "0"
    try:
        processes.in_any(False)
    except RuntimeError as error:  # the connection to a process that ended
        raise SystemExit(1) from error
