"""The `model` section of a recipe: which pretrained model, from where."""

from dataclasses import dataclass
from typing import Iterator, Optional, Tuple

from podtune.sources.samples import is_sample, mistake_in_sample, read_sample
from podtune.sources.uris import LICENCE, REVISION, SHA256, mistake_in_source, scheme_of

SCHEMES = "s3 hf sample"
SAMPLE = "bert"
SAMPLE_DEFAULTS = {"seed": "1", "layers": "2", "hidden": "128", "heads": "2"}


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
        mistake = mistake_in_source(self.source, SCHEMES) or self._wrong_sample()
        if mistake:
            yield "source", mistake
        if not LICENCE.fullmatch(self.licence):
            yield "licence", f"must be an SPDX identifier in lower case, or other; got {self.licence!r}"
        if not self.model:
            yield "model", "must be the model's name; got nothing"
        if self.sha256 and not SHA256.fullmatch(self.sha256):
            yield "sha256", f"must be 64 lower-case hexadecimal digits; got {self.sha256!r}"
        yield from self._wrong_revision()

    def _wrong_sample(self) -> Optional[str]:
        if not is_sample(self.source):
            return None
        mistake = mistake_in_sample(self.source, SAMPLE, SAMPLE_DEFAULTS)
        if mistake:
            return mistake
        values = read_sample(self.source, SAMPLE, SAMPLE_DEFAULTS)
        if int(values["hidden"]) % int(values["heads"]):
            return f"must have a hidden that heads divide; got hidden={values['hidden']}, heads={values['heads']}"
        return None

    def _wrong_revision(self) -> Iterator[Tuple[str, str]]:
        on_hub = scheme_of(self.source) == "hf"
        if on_hub and not REVISION.fullmatch(self.revision):
            yield "revision", f"must be a commit of 40 hexadecimal digits for hf://; got {self.revision!r}"
        if not on_hub and self.revision:
            yield "revision", f"must be left out unless source is on hf://; got {self.revision!r}"
