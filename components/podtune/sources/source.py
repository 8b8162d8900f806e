"""Where inputs come from: a directory, the web, S3 or the Hub, all behind one protocol."""

import os
from pathlib import Path
from typing import AbstractSet, Iterator, List, Optional, Protocol, Tuple

from podtune.errors import BadInput, naming
from podtune.formats.sums import copy
from podtune.progress import progress_bar
from podtune.sources.cache import through_cache
from podtune.sources.checksums import Sum
from podtune.sources.download import download
from podtune.sources.signatures import signed
from podtune.sources.uris import file_uri, scheme_of, without_secrets
from podtune.stores.opening import open_store


class Source(Protocol):
    """Files by relative path.

    Every method raises BadInput where the source refuses or lacks a file, TryAgainLater where it does not answer now.
    """

    uri: str
    """Without credentials."""

    def names(self) -> List[str]:
        """List the files at the top, sorted."""

    def has(self, name: str) -> bool:
        """Whether there is a file of this name; where that cannot be asked, whether it may be one."""

    def listed(self, prefix: str) -> List[str]:
        """List all files whose name in the source starts so, such as those of a folder if it ends with a slash."""

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

    def has(self, name: str) -> bool:
        """Whether there is a file of this name."""
        return not name.endswith("/") and (self._root / name).is_file()

    def listed(self, prefix: str) -> List[str]:
        """List all files below a folder, or those in one whose name starts so; BadInput for a link that leads out."""
        folder, slash, start = prefix.rpartition("/")
        top = self._root / folder
        if not top.is_dir():
            return []
        paths = [path.name for path in top.iterdir() if path.is_file()] if start else files_below(top, self._root)
        return sorted(f"{folder}{slash}{path}" for path in paths if path.startswith(start))

    def bring(self, name: str, target: Path, expected: Optional[Sum]) -> None:
        """Copy one file, so that a later change of it does not reach the copy."""
        source = self._root / name
        if not source.is_file():
            found = "is a folder; it should be a file" if source.is_dir() else "does not exist or is no file"
            raise BadInput(f"{source} {found}")
        with naming(target):
            found = copy(source, target)
        if expected:
            expected.require(found, str(source))  # of a directory's files a SHA-256 is expected


class BucketSource:
    """The objects below a prefix of an S3 bucket."""

    def __init__(self, uri: str) -> None:
        self._store = open_store(uri)
        self.uri = self._store.uri

    def names(self) -> List[str]:
        """List the objects directly below the prefix, sorted."""
        return [key for key in self._store.keys("") if "/" not in key]

    def has(self, name: str) -> bool:
        """Whether there is an object of this name."""
        return not name.endswith("/") and self._store.size(name) is not None

    def listed(self, prefix: str) -> List[str]:
        """List all objects whose key starts so; one that ends with a slash is what consoles make for a folder."""
        return [key for key in self._store.keys(prefix) if not key.endswith("/")]

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
    """Files below one URL; a signature of it comes from the environment, and is shown nowhere."""

    def __init__(self, uri: str) -> None:
        self.uri = without_secrets(uri)

    def names(self) -> List[str]:
        """Refuse: the web has no listing."""
        raise BadInput(f"cannot list {self.uri}: the web has no listing; name the files")

    def has(self, name: str) -> bool:
        """Whether it is the name of one file; whether that is there, only a request says."""
        return "*" not in name and not name.endswith("/")

    def listed(self, prefix: str) -> List[str]:
        """Refuse: the web has no listing."""
        raise BadInput(f"cannot list {self.uri.rstrip('/')}/{prefix}: the web has no listing; name the files")

    def bring(self, name: str, target: Path, expected: Optional[Sum]) -> None:
        """Download one file."""
        url = file_uri(self.uri, name)
        through_cache(url, target, expected, lambda collected: download(signed(url), collected, url))


def files_below(folder: Path, within: Path) -> Iterator[str]:
    """Yield every file below a folder by its path there, also behind links, in order.

    BadInput for a link that leads nowhere, round in a circle, or out of the folder and of `within`.
    """
    roots = {folder.resolve(), within.resolve()}
    for path in _below(folder, roots, (folder.resolve(),)):
        yield path.relative_to(folder).as_posix()


def _below(directory: Path, roots: AbstractSet[Path], inside: Tuple[Path, ...]) -> Iterator[Path]:
    """Walk through a directory, which lies in those `inside` once all links are followed."""
    with os.scandir(directory) as listed:
        entries = sorted(listed, key=lambda entry: entry.name)
    for entry in entries:
        path = Path(entry.path)
        target = path.resolve() if entry.is_symlink() else inside[-1] / entry.name
        if target in inside:
            raise BadInput(f"{path} is a link to a folder that it lies in; remove it")
        if entry.is_symlink() and (not target.exists() or roots.isdisjoint(target.parents)):
            where = " or ".join(sorted(map(str, roots)))
            raise BadInput(f"{path} is a link that leads nowhere or out of {where}; put the file itself there")
        if entry.is_dir():
            yield from _below(path, roots, (*inside, target))
        else:
            yield path
