"""A run's checkpoints in a store, so that another machine can continue."""

from pathlib import Path, PurePosixPath
from typing import List, Mapping

from podtune.formats.sealed import MANIFEST
from podtune.stores.sealed_objects import bring, remove, send
from podtune.stores.store import Store


def directory_name(step: int) -> str:
    """How the checkpoint of a step is called; names sort like steps."""
    return f"step-{step:08d}"


def step_of(name: str) -> int:
    """The step in a checkpoint's name."""
    return int(name.partition("-")[2])


class Mirror:
    """Sealed directories as objects below one prefix; one without its manifest is not there."""

    def __init__(self, store: Store, prefix: str) -> None:
        self._store, self._prefix = store, prefix

    def steps(self) -> List[int]:
        """Those whose upload was completed."""
        keys = (PurePosixPath(key).parts[1:] for key in self._store.keys(f"{self._prefix}/step-"))
        return sorted(step_of(parts[0]) for parts in keys if parts[1:] == (MANIFEST,))

    def hold(self, directories: Mapping[int, Path]) -> None:
        """Upload those checkpoints that the store lacks, then delete all others of the run."""
        for step, directory in sorted(directories.items()):
            held = self._store.read(self._place(directory_name(step)) + MANIFEST)
            if held != (directory / MANIFEST).read_bytes():
                send(self._store, self._place(directory_name(step)), directory)
        kept = {directory_name(step) for step in directories}
        for name in {PurePosixPath(key).parts[1] for key in self._store.keys(f"{self._prefix}/")} - kept:
            remove(self._store, self._place(name))

    def download(self, step: int, directory: Path) -> None:
        """Bring a checkpoint to this machine, verified."""
        bring(self._store, self._place(directory_name(step)), directory)

    def _place(self, name: str) -> str:
        return f"{self._prefix}/{name}/"
