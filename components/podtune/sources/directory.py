"""A directory of this machine as a source."""

import shutil
from pathlib import Path
from typing import List, Optional

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
        with naming(target), source.open("rb") as reading, target.open("wb") as writing:
            shutil.copyfileobj(reading, writing, _BLOCK)
        if expected:
            expected.check(target, str(source))
