"""RawData on disk: the files of a data set as they were published, and where they came from."""

from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Dict, List

from podtune.formats.artifact import Artifact, Format


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
    """Split (train, validation) to the file that holds it, relative to the directory."""

    origins: Dict[str, str] = field(default_factory=dict)
    """Split to the path or URI that its file was copied from, without credentials; a file made here has none."""


RAW_DATA = Format("raw-data", 1, RawDataFacts)
RawData = Artifact[RawDataFacts]


@dataclass(frozen=True)
class DataFile:
    """A file of a data set, or a folder: read where its copy is, and shown as what its owner knows it by."""

    path: Path
    origin: str = ""
    """A path or URI; empty where there is only the copy."""

    def __str__(self) -> str:
        return self.origin or str(self.path)

    def parts(self) -> "List[DataFile]":
        """Itself, or of a folder its files in order, without hidden ones."""
        if not self.path.is_dir():
            return [self]
        paths = sorted(path.relative_to(self.path) for path in self.path.rglob("*") if path.is_file())
        shown = [path for path in paths if not any(part.startswith(".") for part in path.parts)]
        return [DataFile(self.path / path, f"{self}/{path.as_posix()}") for path in shown]

    @property
    def name(self) -> str:
        """The last part of what is shown."""
        return PurePosixPath(str(self)).name


def data_files(data: RawData) -> Dict[str, DataFile]:
    """Split, or <split>.<role>, to its file."""
    origins = data.facts.origins
    return {split: DataFile(data.path / file, origins.get(split, "")) for split, file in data.facts.splits.items()}
