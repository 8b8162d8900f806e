"""A directory of this machine as a source."""

import os
import shutil
from pathlib import Path
from typing import Iterator, List, Optional

from podtune.errors import BadInput
from podtune.sources.checksums import Sum
from podtune.stores.partial_file import naming

_BLOCK = 1 << 20


class DirectorySource:
    """The files of one directory."""

    def __init__(self, path: str) -> None:
        self.uri = path
        self._root = Path(path)
        if not self._root.exists():
            raise BadInput(f"{path} does not exist; it should be a directory")
        if not self._root.is_dir():
            raise BadInput(f"{path} is a file; it should be a directory")

    def names(self) -> List[str]:
        """The files that lie directly in the directory, sorted."""
        return sorted(path.name for path in self._root.iterdir() if path.is_file())

    def bring(self, name: str, target: Path, expected: Optional[Sum]) -> None:
        """Copy one file, so that a later change of it does not reach the copy."""
        source = self._root / name
        if not source.is_file():
            raise BadInput(f"{source} does not exist or is no file")
        _copy(source, target)
        if expected:
            expected.check(target, str(source))


def copy_folder(folder: Path, target: Path) -> int:
    """Copy every file below a folder, and return how many there are; BadInput for a link that leads out of it."""
    sources = list(_below(folder))
    for source in sources:
        if not source.is_file() or folder.resolve() not in source.resolve().parents:
            raise BadInput(f"{source} is no file of {folder}, or leads out of it; put the file itself there")
        place = target / source.relative_to(folder)
        place.parent.mkdir(parents=True, exist_ok=True)
        _copy(source, place)
    return len(sources)


def _below(folder: Path) -> Iterator[Path]:
    """Everything below a folder but the folders in it, in order; links to folders are not entered, but named."""
    for directory, folders, files in os.walk(folder):
        folders.sort()
        links = [name for name in folders if (Path(directory) / name).is_symlink()]
        yield from (Path(directory) / name for name in sorted([*files, *links]))


def _copy(source: Path, target: Path) -> None:
    with naming(target), source.open("rb") as reading, target.open("wb") as writing:
        shutil.copyfileobj(reading, writing, _BLOCK)
