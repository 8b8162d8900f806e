"""One process for each GPU, started by torchrun; on each of several nodes, where its variables say so."""

import contextlib
import logging
import os
import sys
from typing import Iterator, List, Optional

from podtune.errors import PodtuneError, TryAgainLater, from_os_error

_TORCHRUN = [sys.executable, "-m", "torch.distributed.run"]
_NODES = "PET_NNODES"
"""torchrun reads its options from PET_…, which Kubeflow Trainer sets on every node."""

_log = logging.getLogger(__name__)


def launcher(device: str) -> List[str]:
    """The command line that starts this machine's processes; empty where one is enough, or torchrun has started it."""
    if is_running():
        return []
    if _NODES in os.environ:
        return _TORCHRUN
    gpus = _visible_gpus() if device == "gpu" else 1
    return standalone(gpus) if gpus > 1 else []


def standalone(count: int) -> List[str]:
    """The command line that starts so many processes on this machine alone."""
    return [*_TORCHRUN, "--standalone", "--nproc-per-node", str(count)]


def is_running() -> bool:
    """Whether torchrun has started this process."""
    return "WORLD_SIZE" in os.environ


def is_first() -> bool:
    """Whether this is the first of all processes of a training, or starts it."""
    return os.environ.get("RANK", os.environ.get("PET_NODE_RANK", "0")) == "0"


def silent_end() -> Optional[PodtuneError]:
    """What made a launcher's processes end without a message; None where the lines above say it.

    Of several nodes another one was lost, or could not be reached: a mistake of this one's leaves a message.
    """
    if os.environ.get(_NODES, "1") in ("1", "1:1"):
        return None
    return TryAgainLater("another node of this training was lost or not reached; start again, it continues")


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
    yield processes.first_here
    processes.in_any(False)


@contextlib.contextmanager
def leaving_a_message() -> Iterator[None]:
    """Under torchrun, have an error that nobody expected leave a message too, and so not count as a lost node."""
    try:
        yield
    except PodtuneError:
        raise
    except Exception as error:
        if not is_running() or (isinstance(error, OSError) and from_os_error(error)):
            raise
        _log.exception("process %s of this training failed", os.environ.get("RANK"))
        raise PodtuneError(f"{type(error).__name__}: {error}; the log says where") from error


def _visible_gpus() -> int:
    import torch

    return int(torch.cuda.device_count())
