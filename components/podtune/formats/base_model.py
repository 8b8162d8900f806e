"""BaseModel on disk: a pretrained model as transformers loads it, weights in safetensors only.

One that is put together of two published models has no weights of its own: config.json is a vision-encoder-decoder's,
`encoder/` and `decoder/` have each one's configuration and weights, and the tokenizer's files are the decoder's.
"""

import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Mapping, Optional, Sequence

from podtune.errors import BadInput
from podtune.formats.artifact import Artifact, Format
from podtune.sections import shown

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
"""Files of a tokenizer that transformers reads; only the first is in every model."""

PREPROCESSOR = "preprocessor_config.json"
"""Preprocessing of images; only vision models have it."""

GENERATION = "generation_config.json"
"""Default generation settings; only generative models have it."""

INHERITED_FILES = (*TOKENIZER_FILES, PREPROCESSOR, GENERATION)
"""Files that a fine-tuned model keeps unchanged from its base model."""

ENCODER, DECODER = "encoder", "decoder"
VISION_ENCODER_DECODER = "vision-encoder-decoder"


@dataclass(frozen=True)
class DecoderFacts:
    """Origin of a published model, such as a decoder that was published separately from its encoder."""

    source: str
    """The URI it was read from, without credentials."""

    model: str
    """Its name on the card, such as google-bert/bert-base-uncased; empty where it is not stated."""

    revision: str
    """The pinned revision; empty where the source has none."""

    licence: str
    """SPDX identifier in lower case, such as apache-2.0; empty where it is not stated."""


@dataclass(frozen=True)
class BaseModelFacts(DecoderFacts):
    """Origin of a pretrained model, for the card."""

    model_type: str
    """As in config.json: bert, roberta, …"""

    decoder: Optional[DecoderFacts] = None
    """Set where encoder and decoder were published separately; all but model_type then describes the encoder."""


def load_tokenizer(path: Path, shown: str = "") -> "Tokenizer":
    """Load a fast tokenizer's file; complaints show the path, or instead what the user calls it."""
    from tokenizers import Tokenizer

    shown = shown or str(path)
    if not path.is_file():
        raise BadInput(f"{shown} is missing; the model needs a fast tokenizer's file")
    try:
        tokenizer = Tokenizer.from_file(str(path))
        with contextlib.suppress(Exception):  # for the task to tell, which knows what it needs
            tokenizer.encode("one", "two")
        return tokenizer
    except BaseException as error:  # the library raises nothing narrower, and its panics are no exceptions
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        raise BadInput(f"{shown} is not a tokenizer that can be read: {' '.join(str(error).split())}") from error


def vocabulary_size(config: Mapping[str, Any]) -> Optional[int]:
    """Return a configuration's vocabulary size; None where it has no valid one."""
    decoder = config.get("decoder")
    size = config.get("vocab_size", decoder.get("vocab_size") if isinstance(decoder, dict) else None)
    return size if type(size) is int else None


def mistake_in_type(config: Mapping[str, Any], allowed: Sequence[str]) -> str:
    """Say what is wrong with a configuration's model_type; empty where it is one of these."""
    actual = config.get("model_type")
    wanted = allowed[0] if len(allowed) == 1 else f"one of {', '.join(allowed)}"
    return "" if isinstance(actual, str) and actual in allowed else f"model_type must be {wanted}; got {shown(actual)}"


BASE_MODEL = Format("base-model", 1, BaseModelFacts)
BaseModel = Artifact[BaseModelFacts]
