"""Fetch a pretrained model, take from it only what is needed and safe, and check that it fits together: BaseModel."""

import json
from pathlib import Path
from typing import Any, Dict, Mapping, Optional, Union

from podtune.formats.base_model import (
    BASE_MODEL,
    CONFIG,
    DECODER,
    ENCODER,
    INHERITED_FILES,
    PREPROCESSOR,
    TOKENIZER_FILES,
    VISION_ENCODER_DECODER,
    BaseModelFacts,
    DecoderFacts,
)
from podtune.formats.facts import write_facts
from podtune.samples.sample import MODELS, is_sample, write_sample
from podtune.sections import read_section, to_mapping
from podtune.sources.checksums import Sum
from podtune.sources.source import open_source
from podtune.sources.uris import hub_name, without_secrets
from podtune.steps.fetch_model import model_files
from podtune.steps.fetch_model.settings import DecoderSettings, ModelSettings


def run(base_model: Path, model: Mapping[str, Any], *, base_model_facts: Optional[Path] = None) -> None:
    """Make a BaseModel of what the recipe's model section names."""
    settings = read_section(ModelSettings, model, "model")
    decoder = settings.decoder
    with BASE_MODEL.sealing(base_model) as draft:
        facts = BaseModelFacts(
            **_origin(settings),
            model_type=_bring_both(settings, decoder, draft.path) if decoder else _bring(settings, draft.path),
            decoder=DecoderFacts(**_origin(decoder)) if decoder else None,
        )
        draft.facts.update(to_mapping(facts))
    write_facts(BASE_MODEL, base_model, base_model_facts)


def _origin(settings: Union[ModelSettings, DecoderSettings]) -> Dict[str, str]:
    return {
        "source": without_secrets(settings.source),
        "model": settings.model or hub_name(settings.source),
        "revision": settings.revision,
        "licence": settings.licence,
    }


def _bring(settings: ModelSettings, directory: Path) -> str:
    """Make or fetch the files, weights last, after the small files were checked; return the model's type."""
    origin = without_secrets(settings.source)
    expected = _sum(settings.sha256, "model.sha256")
    if is_sample(settings.source):
        write_sample(settings.source, MODELS, directory)
        if expected:
            expected.check(directory / model_files.WEIGHTS, f"{model_files.WEIGHTS} of {origin}")
        model_type = model_files.check_description(directory, origin)
    else:
        source = open_source(settings.source, settings.revision)
        model_files.bring_description(source, {name: directory / name for name in (CONFIG, *INHERITED_FILES)})
        model_type = model_files.check_description(directory, origin)
        model_files.bring_weights(source, directory, expected)
    model_files.check_weights(directory, origin)
    return model_type


def _bring_both(encoder: ModelSettings, decoder: DecoderSettings, directory: Path) -> str:
    """Fetch encoder and decoder into folders of their own, shared files above them; return the joint model's type."""
    seeing, writing = directory / ENCODER, directory / DECODER
    encoder_source = open_source(encoder.source, encoder.revision)
    decoder_source = open_source(decoder.source, decoder.revision)
    encoder_origin, decoder_origin = without_secrets(encoder.source), without_secrets(decoder.source)
    model_files.bring_description(encoder_source, {CONFIG: seeing / CONFIG, PREPROCESSOR: directory / PREPROCESSOR})
    tokenizer = {name: directory / name for name in TOKENIZER_FILES}
    model_files.bring_description(decoder_source, {CONFIG: writing / CONFIG, **tokenizer})
    encoder_config = model_files.read_config(seeing, encoder_origin)
    decoder_config = model_files.read_config(writing, decoder_origin)
    model_files.check_tokenizer(directory, decoder_config, decoder_origin)
    joined = {"model_type": VISION_ENCODER_DECODER, ENCODER: encoder_config, DECODER: decoder_config}
    (directory / CONFIG).write_text(json.dumps(joined, indent=2) + "\n", encoding="utf-8")
    model_files.bring_weights(encoder_source, seeing, _sum(encoder.sha256, "model.sha256"))
    model_files.check_weights(seeing, encoder_origin)
    model_files.bring_weights(decoder_source, writing, _sum(decoder.sha256, "model.decoder.sha256"))
    model_files.check_weights(writing, decoder_origin)
    return VISION_ENCODER_DECODER


def _sum(digest: str, said_by: str) -> Optional[Sum]:
    return Sum(digest, said_by) if digest else None
