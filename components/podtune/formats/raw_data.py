"""RawData on disk: the files of a data set as they were published, and where they came from."""

from dataclasses import dataclass
from typing import Dict

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


RAW_DATA = Format("raw-data", 1, RawDataFacts)
RawData = Artifact[RawDataFacts]
