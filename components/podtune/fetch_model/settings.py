"""The `model` section of a recipe: which pretrained model, from where."""

from dataclasses import dataclass
from typing import Iterator, Tuple


@dataclass(frozen=True)
class ModelSettings:
    """Where a pretrained model is read from, and what the card says of it."""

    source: str
    """A directory, s3://bucket/prefix, hf://owner/name, or sample://bert?…"""

    model: str
    """Its name on the card, such as google-bert/bert-base-uncased."""

    licence: str
    """SPDX identifier in lower case."""

    revision: str = ""
    """40 hexadecimal digits; hf:// needs it, the others have none."""

    sha256: str = ""
    """Of model.safetensors; checked where given."""

    def mistakes(self) -> Iterator[Tuple[str, str]]:
        """Sources that cannot be trusted or do not exist, as (key, what is wrong)."""
        yield from ()
