"""RawData on disk: the files of a data set as they were published, and where they came from."""

import re
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, Dict, List, Mapping

from podtune.formats.artifact import Artifact, Format

_LEFT_BY_SYSTEMS = ("__MACOSX", "Thumbs.db", "desktop.ini")
"""Beside hidden files."""


@dataclass(frozen=True)
class RawDataFacts:
    """Origin of a data set, for the card."""

    source: str
    """The URI it was read from, without credentials."""

    dataset: str
    """Its name on the card, such as rajpurkar/squad; empty where it is not stated."""

    revision: str
    """The pinned revision; empty where the source has none."""

    licence: str
    """SPDX identifier in lower case, such as cc-by-sa-4.0; empty where it is not stated."""

    splits: Dict[str, str]
    """Split (train, validation) to the file or folder that holds it, relative to the directory. In the folder of one
    that was given as a list or a pattern, each entry has a folder of its own: 0000, 0001 and so on."""

    origins: Dict[str, str] = field(default_factory=dict)
    """Split to the path or URI that its file was copied from, without credentials; a file made here has none. For the
    folder of an entry, such as train/0000, to the folder that its files were copied from."""


RAW_DATA = Format("raw-data", 1, RawDataFacts)
RawData = Artifact[RawDataFacts]


@dataclass(frozen=True)
class DataFile:
    """A file of a data set, or a folder: read where its copy is, and shown as what its owner knows it by."""

    path: Path
    origin: str = ""
    """A path or URI; empty where there is only the copy."""

    entries: Mapping[str, str] = field(default_factory=dict)
    """The folders in it that are entries of a list, by name, to their origins."""

    def __str__(self) -> str:
        return self.origin or str(self.path)

    def parts(self) -> "List[DataFile]":
        """Itself, or of a folder its files in natural order, without what systems leave there."""
        if not self.path.is_dir():
            return [self]
        paths = [PurePosixPath(path.relative_to(self.path)) for path in self.path.rglob("*") if path.is_file()]
        paths.sort(key=lambda path: natural_order(str(path)))
        return [DataFile(self.path / path, self._origin_of(path)) for path in paths if not is_left_by_systems(path)]

    def part_name(self, part: "DataFile") -> str:
        """What tells a part from the others: its path in the folder; empty where it is the only file."""
        return "" if part.path == self.path else part.path.relative_to(self.path).as_posix()

    def _origin_of(self, path: PurePosixPath) -> str:
        entry = self.entries.get(path.parts[0])
        return f"{entry}/{PurePosixPath(*path.parts[1:])}" if entry else f"{self}/{path}"

    @property
    def name(self) -> str:
        """The last part of what is shown."""
        return PurePosixPath(str(self)).name


def data_files(data: RawData) -> Dict[str, DataFile]:
    """Split, or <split>.<role>, to its file."""
    origins = data.facts.origins
    return {
        split: DataFile(data.path / file, origins.get(split, ""), _entries(f"{file}/", origins))
        for split, file in data.facts.splits.items()
    }


def _entries(folder: str, origins: Mapping[str, str]) -> Dict[str, str]:
    return {key[len(folder) :]: origin for key, origin in origins.items() if key.startswith(folder)}


def is_left_by_systems(path: PurePosixPath) -> bool:
    """Whether a file is nobody's data: hidden ones, and what Windows and macOS leave beside others."""
    return any(part.startswith(".") or part in _LEFT_BY_SYSTEMS for part in path.parts)


def natural_order(name: str) -> List[Any]:
    """A key by which names are sorted as people do: part 2 comes before part 10."""
    return [int(piece) if place % 2 else piece for place, piece in enumerate(re.split(r"([0-9]+)", name))]
