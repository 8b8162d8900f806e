"""The processes that train one model together, started by torchrun; or the one there is."""

import contextlib
import logging
import os
from dataclasses import dataclass
from typing import Iterator, List, Tuple

import numpy as np
import torch
from torch import distributed

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Processes:
    """One of the processes that train together."""

    rank: int
    count: int
    device: torch.device
    """Of this process."""

    @property
    def first(self) -> bool:
        """Whether this is the one process that writes files."""
        return self.rank == 0

    @property
    def first_here(self) -> bool:
        """Whether this is the one process that brings files to its machine."""
        return self.count == 1 or os.environ.get("LOCAL_RANK", "0") == "0"

    @property
    def devices(self) -> Tuple[str, ...]:
        return (torch.cuda.get_device_name(self.device),) * self.count if self.device.type == "cuda" else ()

    @property
    def uuids(self) -> Tuple[str, ...]:
        """Of the GPUs of all processes; empty where there are none, or some on other machines."""
        here = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
        if self.device.type != "cuda" or here != self.count:
            return ()
        return tuple(str(torch.cuda.get_device_properties(index).uuid) for index in range(here))

    def share(self, lengths: np.ndarray) -> np.ndarray:
        """Pick a process's part of rows with these lengths, long rows first; all get about as many tokens."""
        return longest_first(lengths)[self.rank :: self.count]

    def deal(self, pieces: List[np.ndarray]) -> List[np.ndarray]:
        """Pick a process's part of pieces that are computed as one process would; there may be fewer than processes."""
        return pieces[self.rank :: self.count]

    def add_up(self, tensor: torch.Tensor) -> None:
        """Replace a tensor by its sum over all processes."""
        if self.count > 1:
            with _connected():
                distributed.all_reduce(tensor)

    def copy_from_first(self, tensor: torch.Tensor) -> None:
        """Replace a tensor by the first process's."""
        if self.count > 1:
            with _connected():
                distributed.broadcast(tensor, 0)

    def in_any(self, flag: bool) -> bool:
        """Whether the flag is set in any process; nothing waits for a GPU."""
        flags = torch.tensor(int(flag))
        self.add_up(flags)
        return bool(flags.item())

    def from_first(self, number: int) -> int:
        shared = torch.tensor(number)
        self.copy_from_first(shared)
        return int(shared.item())

    def wait_for_all(self) -> None:
        """Return when every process has come here."""
        if self.count > 1:
            with _connected():
                distributed.barrier()


@contextlib.contextmanager
def _connected() -> Iterator[None]:
    """End without a message where the connection to another process is lost: the one that ended says why."""
    try:
        yield
    except RuntimeError as error:
        lost = getattr(distributed, "DistError", distributed.DistBackendError)  # torch 2.0 has no such base
        if type(error) is not RuntimeError and not isinstance(error, lost):
            raise  # a GPU's own, such as a lack of memory
        _log.warning("another process of this training ended: %s", str(error).partition("\n")[0])
        raise SystemExit(1) from error


def longest_first(lengths: np.ndarray) -> np.ndarray:
    """The order of rows with these lengths in which they are taken: int64 [rows]."""
    return np.argsort(-lengths, kind="stable")


def join_processes(device: str) -> Processes:
    """Join the processes that torchrun's environment variables describe; each takes its own "cuda" device."""
    here = torch.device("cpu") if device == "cpu" else torch.device(device, int(os.environ.get("LOCAL_RANK", "0")))
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return Processes(rank=0, count=1, device=here)
    if device != "cpu":
        torch.cuda.set_device(here)
    if not distributed.is_initialized():
        distributed.init_process_group("gloo" if device == "cpu" else "cpu:gloo,cuda:nccl")
    return Processes(distributed.get_rank(), distributed.get_world_size(), here)
