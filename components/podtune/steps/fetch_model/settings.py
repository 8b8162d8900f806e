"""The `model` section of a recipe: which pretrained model, from where."""

from dataclasses import dataclass
from typing import Iterator, Optional, Tuple, Union

from podtune.samples.sample import MODELS, is_sample, mistake_in_sample, read_sample
from podtune.sections import out_of_range
from podtune.sources.uris import mistake_in_source, mistakes_in_origin

SCHEMES = "s3 hf sample"
SCHEMES_OF_DECODER = "s3 hf"


@dataclass(frozen=True)
class DecoderSettings:
    """Origin of a decoder that was published separately, and its description for the card."""

    source: str
    """A directory, s3://bucket/prefix, or hf://owner/name."""

    model: str = ""
    """Its name on the card, such as openai-community/gpt2; empty where it is not stated."""

    licence: str = ""
    """SPDX identifier in lower case; empty where it is not stated."""

    revision: str = ""
    """40 hexadecimal digits; hf:// needs it, the others have none."""

    sha256: str = ""
    """Of model.safetensors; checked where given."""

    def mistakes(self) -> Iterator[Tuple[str, str]]:
        """Sources that cannot be trusted or do not exist, as (key, what is wrong)."""
        yield from _mistakes(self, mistake_in_source(self.source, SCHEMES_OF_DECODER))


@dataclass(frozen=True)
class ModelSettings:
    """Origin of a pretrained model, and its description for the card."""

    source: str
    """A directory, s3://bucket/prefix, hf://owner/name, or sample://bert?… (also lxmert, vit-gpt2)."""

    model: str = ""
    """Its name on the card, such as google-bert/bert-base-uncased; empty where it is not stated."""

    licence: str = ""
    """SPDX identifier in lower case; empty where it is not stated."""

    revision: str = ""
    """40 hexadecimal digits; hf:// needs it, the others have none."""

    sha256: str = ""
    """Of model.safetensors; checked where given."""

    decoder: Optional[DecoderSettings] = None
    """A separately published decoder for an encoder; the cross-attention between them is new."""

    gigabytes: float = 0.0
    """That the weights take in float32, the decoder's too, from which podtune argo works out the disk that each pod
    requests. 0 where that is not known; then the steps that read or write a model request none."""

    def mistakes(self) -> Iterator[Tuple[str, str]]:
        """Sources that cannot be trusted or do not exist, as (key, what is wrong)."""
        yield from _mistakes(self, mistake_in_source(self.source, SCHEMES) or self._wrong_sample())
        yield from out_of_range(self, (("gigabytes", lambda value: value >= 0, "at least 0"),))
        if self.decoder and is_sample(self.source):
            yield "decoder", "must be left out for a sample, which is a whole model"

    def _wrong_sample(self) -> Optional[str]:
        mistake = mistake_in_sample(self.source, MODELS) if is_sample(self.source) else None
        if mistake or not is_sample(self.source):
            return mistake
        hidden, heads = (int(read_sample(self.source, MODELS)[key]) for key in ("hidden", "heads"))
        return f"must have a hidden that heads divide; got hidden={hidden}, heads={heads}" if hidden % heads else None


def _mistakes(
    settings: Union[ModelSettings, DecoderSettings], wrong_source: Optional[str]
) -> Iterator[Tuple[str, str]]:
    if wrong_source:
        yield "source", wrong_source
    sums = {"sha256": settings.sha256} if settings.sha256 else {}
    yield from mistakes_in_origin(settings.licence, settings.revision, sums, [settings.source])
