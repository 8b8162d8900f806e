"""BaseModel on disk: a pretrained model as transformers loads it, weights in safetensors only.

One that is put together of two published models has no weights of its own: config.json is a vision-encoder-decoder's,
`encoder/` and `decoder/` have each one's configuration and weights, and the tokenizer's files are the decoder's.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Mapping, Optional

from podtune.errors import BadInput
from podtune.formats.artifact import Artifact, Format

if TYPE_CHECKING:
    from tokenizers import Tokenizer

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

PREPROCESSOR = "preprocessor_config.json"
"""How an image is made ready for the model; only models that see have it."""

GENERATION = "generation_config.json"
"""How the model writes text by default; only models that write have it."""

INHERITED_FILES = (*TOKENIZER_FILES, PREPROCESSOR, GENERATION)
"""What a fine-tuned model has from its base model as it is, where that has it."""

ENCODER, DECODER = "encoder", "decoder"
VISION_ENCODER_DECODER = "vision-encoder-decoder"


@dataclass(frozen=True)
class DecoderFacts:
    """Where the second of two published models came from: the one that writes the text."""

    source: str
    """The URI it was read from, without credentials."""

    model: str
    """Its name on the card, such as openai-community/gpt2."""

    revision: str
    """The pinned revision; empty where the source has none."""

    licence: str
    """SPDX identifier in lower case, such as mit."""


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

    decoder: Optional[DecoderFacts] = None
    """Of a model put together of two published ones; the rest, but for model_type, is then said of the encoder."""


def load_tokenizer(path: Path, shown: str = "") -> "Tokenizer":
    """Load a fast tokenizer's file; complaints show the path, or instead what the user calls it."""
    from tokenizers import Tokenizer

    shown = shown or str(path)
    if not path.is_file():
        raise BadInput(f"{shown} is missing; the model needs a fast tokenizer's file")
    try:
        return Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises nothing narrower
        raise BadInput(f"{shown} is not a tokenizer that can be read: {' '.join(str(error).split())}") from error


def vocabulary_size(config: Mapping[str, Any]) -> Optional[int]:
    """How many tokens the model of a configuration knows; None for one that knows none, or does not say a number."""
    decoder = config.get("decoder")
    size = config.get("vocab_size", decoder.get("vocab_size") if isinstance(decoder, dict) else None)
    return size if type(size) is int else None


BASE_MODEL = Format("base-model", 1, BaseModelFacts)
BaseModel = Artifact[BaseModelFacts]
