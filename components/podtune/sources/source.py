"""Where inputs come from: a directory, the web, S3 or the Hub, all behind one protocol."""

import os
import shutil
from pathlib import Path
from typing import Iterator, List, Optional, Protocol

from podtune.errors import BadInput, naming
from podtune.progress import progress_bar
from podtune.sources.cache import through_cache
from podtune.sources.checksums import Sum
from podtune.sources.download import download
from podtune.sources.uris import file_uri, scheme_of, without_secrets
from podtune.stores.opening import open_store

_BLOCK = 1 << 20


class Source(Protocol):
    """Files by relative path.

    Every method raises BadInput where the source refuses or lacks a file, TryAgainLater where it does not answer now.
    """

    uri: str
    """Without credentials."""

    def names(self) -> List[str]:
        """List the files at the top, sorted."""

    def bring(self, name: str, target: Path, expected: Optional[Sum]) -> None:
        """Copy one file to `target`, complete; BadInput names both sums if it has another than expected.

        An interrupted download is continued by the next call for the same file.
        """


def open_source(uri: str, revision: str = "") -> Source:
    """Open a URI or a path, the Hub at a revision; nothing is transferred yet."""
    scheme = scheme_of(uri)
    if not scheme:
        return DirectorySource(uri)
    if scheme in ("http", "https"):
        return WebSource(uri)
    if scheme == "s3":
        return BucketSource(uri)
    if scheme == "hf":
        from podtune.sources.hub import HubSource

        return HubSource(uri, revision)
    raise BadInput(f"podtune cannot read from {without_secrets(uri)}")


class DirectorySource:
    """The files of one directory."""

    def __init__(self, path: str) -> None:
        self.uri = path
        self._root = Path(path)
        if not self._root.is_dir():
            found = "is a file" if self._root.exists() else "does not exist"
            raise BadInput(f"{path} {found}; it should be a directory")

    def names(self) -> List[str]:
        """List the files at the top, sorted."""
        return sorted(path.name for path in self._root.iterdir() if path.is_file())

    def bring(self, name: str, target: Path, expected: Optional[Sum]) -> None:
        """Copy one file, so that a later change of it does not reach the copy."""
        source = self._root / name
        if not source.is_file():
            found = "is a folder; it should be a file" if source.is_dir() else "does not exist or is no file"
            raise BadInput(f"{source} {found}")
        _copy(source, target)
        if expected:
            expected.check(target, str(source))


class BucketSource:
    """The objects below a prefix of an S3 bucket."""

    def __init__(self, uri: str) -> None:
        self._store = open_store(uri)
        self.uri = self._store.uri

    def names(self) -> List[str]:
        """List the objects directly below the prefix, sorted."""
        return [key for key in self._store.keys("") if "/" not in key]

    def bring(self, name: str, target: Path, expected: Optional[Sum]) -> None:
        """Download one object."""

        def collect(collected: Path) -> None:
            size = self._store.size(name)
            if size is None:
                raise BadInput(f"there is no {name} in {self.uri}")
            with progress_bar(size, "B", name) as bar:
                self._store.download(name, collected, bar.update)

        through_cache(f"{self.uri}/{name}", target, expected, collect)


class WebSource:
    """Files below one URL; a query, such as a signature, is sent with each and shown nowhere."""

    def __init__(self, uri: str) -> None:
        self.uri = without_secrets(uri)
        self._address = uri

    def names(self) -> List[str]:
        """Refuse: the web has no listing."""
        raise BadInput(f"cannot list {self.uri}: the web has no listing; name the files")

    def bring(self, name: str, target: Path, expected: Optional[Sum]) -> None:
        """Download one file."""
        url = file_uri(self._address, name)
        shown = without_secrets(url)
        through_cache(shown, target, expected, lambda collected: download(url, collected, shown))


def copy_folder(folder: Path, target: Path) -> int:
    """Copy every file below a folder and count them; BadInput for a link that leads out of it."""
    sources = list(_below(folder))
    for source in sources:
        if not source.is_file() or folder.resolve() not in source.resolve().parents:
            raise BadInput(f"{source} is no file of {folder}, or leads out of it; put the file itself there")
        copy = target / source.relative_to(folder)
        copy.parent.mkdir(parents=True, exist_ok=True)
        _copy(source, copy)
    return len(sources)


def _below(folder: Path) -> Iterator[Path]:
    """Yield all files below a folder in order, and links to folders, which are not followed."""
    for directory, folders, files in os.walk(folder):
        folders.sort()
        links = [name for name in folders if (Path(directory) / name).is_symlink()]
        yield from (Path(directory) / name for name in sorted([*files, *links]))


def _copy(source: Path, target: Path) -> None:
    with naming(target), source.open("rb") as reading, target.open("wb") as writing:
        shutil.copyfileobj(reading, writing, _BLOCK)
