"""RawData on disk: the files of a data set as they were published, and where they came from."""

from dataclasses import dataclass
from pathlib import Path
from typing import Dict, Tuple

from podtune.formats.sealed import Manifest, open_sealed
from podtune.sections import read_section

KIND = "raw-data"
VERSION = 1


@dataclass(frozen=True)
class RawDataFacts:
    """Where a data set came from, as the card will say it."""

    source: str
    """The URI it was read from, without credentials."""

    dataset: str
    """Its name on the card, such as rajpurkar/squad."""

    revision: str
    """The pinned revision; empty where the source has none."""

    licence: str
    """SPDX identifier in lower case, such as cc-by-sa-4.0."""

    splits: Dict[str, str]
    """Split (train, validation) to the file that holds it, relative to the directory."""


def open_raw_data(path: Path) -> Tuple[RawDataFacts, Manifest]:
    """Verify every file of a RawData directory and read its facts."""
    manifest = open_sealed(path, KIND, VERSION)
    return read_section(RawDataFacts, manifest.facts, f"{path}/manifest.json facts"), manifest
