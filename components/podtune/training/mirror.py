"""A run's checkpoints in a store, so that another machine can continue."""

import shutil
from pathlib import Path, PurePosixPath
from typing import List, Mapping

from podtune.errors import BadInput
from podtune.formats.sealed import MANIFEST
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
            held = self._store.read(f"{self._prefix}/{directory_name(step)}/{MANIFEST}")
            if held is None or held.data != (directory / MANIFEST).read_bytes():
                self._upload(step, directory)
        kept = {directory_name(step) for step in directories}
        for name in {PurePosixPath(key).parts[1] for key in self._store.keys(f"{self._prefix}/")} - kept:
            self._delete(name)

    def download(self, step: int, directory: Path) -> None:
        """Bring a checkpoint to this machine; whether it is whole, its manifest tells."""
        prefix = f"{self._prefix}/{directory_name(step)}/"
        draft = directory.with_name(f".{directory.name}.download")
        shutil.rmtree(str(draft), ignore_errors=True)
        draft.mkdir(parents=True)
        for key in self._store.keys(prefix):
            name = key[len(prefix) :]
            if ".." in PurePosixPath(name).parts:
                raise BadInput(f"{key} in {self._store.uri} is not the name of a checkpoint's file")
            self._store.download(key, draft / name)
        draft.rename(directory)

    def _upload(self, step: int, directory: Path) -> None:
        """Upload the manifest last, and take an older one away first."""
        self._delete(directory_name(step))
        files = [path for path in sorted(directory.rglob("*")) if path.is_file() and path != directory / MANIFEST]
        for path in [*files, directory / MANIFEST]:
            self._store.upload(path, f"{self._prefix}/{directory_name(step)}/{path.relative_to(directory).as_posix()}")

    def _delete(self, name: str) -> None:
        """Delete the manifest first, so that no reader takes the rest for a checkpoint."""
        self._store.delete(f"{self._prefix}/{name}/{MANIFEST}")
        for key in self._store.keys(f"{self._prefix}/{name}/"):
            self._store.delete(key)
