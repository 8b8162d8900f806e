"""BaseModel on disk: a pretrained model as transformers loads it, weights in safetensors only."""

from dataclasses import dataclass
from pathlib import Path
from typing import Tuple

from podtune.formats.sealed import Manifest, open_sealed
from podtune.sections import read_section

KIND = "base-model"
VERSION = 1
CONFIG = "config.json"
TOKENIZER = "tokenizer.json"
"""Its SHA-256 is the tokenizer's identity."""

TOKENIZER_FILES = (
    TOKENIZER,
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.txt",
    "vocab.json",
    "merges.txt",
)
"""What transformers may read of a tokenizer; a model has some of them, always the first."""


@dataclass(frozen=True)
class BaseModelFacts:
    """Where a pretrained model came from, as the card will say it."""

    source: str
    """The URI it was read from, without credentials."""

    model: str
    """Its name on the card, such as google-bert/bert-base-uncased."""

    revision: str
    """The pinned revision; empty where the source has none."""

    licence: str
    """SPDX identifier in lower case, such as apache-2.0."""

    model_type: str
    """As in config.json: bert, roberta, …"""


def open_base_model(path: Path) -> Tuple[BaseModelFacts, Manifest]:
    """Verify every file of a BaseModel directory and read its facts."""
    manifest = open_sealed(path, KIND, VERSION)
    return read_section(BaseModelFacts, manifest.facts, f"{path}/manifest.json facts"), manifest
