"""An artifact that was opened: where it is, the facts that its maker recorded, and its verified manifest.

Steps open each of their inputs once, at the start, and pass on what they opened: nothing is hashed twice.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import ContextManager, Generic, Mapping, Type, TypeVar

from podtune.formats.sealed import (
    MANIFEST,
    NOTHING,
    Draft,
    FileEntry,
    Manifest,
    OfTheRun,
    open_sealed,
    read_manifest,
    sealing,
)
from podtune.sections import read_section

Facts = TypeVar("Facts")


@dataclass(frozen=True)
class Artifact(Generic[Facts]):
    """A sealed directory with its facts."""

    path: Path
    facts: Facts
    manifest: Manifest

    @property
    def digest(self) -> str:
        """The identity of the whole directory."""
        return self.manifest.digest

    @property
    def files(self) -> Mapping[str, FileEntry]:
        """Path in the directory to size and SHA-256."""
        return self.manifest.files


@dataclass(frozen=True)
class Format(Generic[Facts]):
    """A kind of artifact, and the version of its layout that this podtune reads and writes."""

    kind: str
    version: int
    facts: Type[Facts]
    of_the_run: OfTheRun = NOTHING
    """What the digest leaves out; artifacts of earlier versions have it among their facts, and are read as well."""

    def open(self, path: Path) -> Artifact[Facts]:
        """Verify every file of a directory and read its facts; BadInput names the first that differs."""
        return self._artifact(path, open_sealed(path, self.kind, self.version))

    def read(self, path: Path) -> Artifact[Facts]:
        """Read a directory's facts without verifying its files: only for one that was verified or made just now."""
        return self._artifact(path, read_manifest(path, self.kind, self.version))

    def sealing(self, path: Path) -> ContextManager[Draft]:
        """Write a directory that appears at `path` complete when the block ends (formats/sealed.py)."""
        return sealing(path, self.kind, self.version, self.of_the_run)

    def _artifact(self, path: Path, manifest: Manifest) -> Artifact[Facts]:
        return Artifact(path, read_section(self.facts, manifest.facts, f"{path}/{MANIFEST} facts"), manifest)
