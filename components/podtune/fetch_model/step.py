"""Fetch a pretrained model, take from it only what is needed and safe, and check that it fits together: BaseModel."""

from pathlib import Path
from typing import Any, Mapping, Optional

from podtune.fetch_model.allowed_files import WEIGHTS, bring_description, bring_weights
from podtune.fetch_model.checks import check_description, check_weights
from podtune.fetch_model.settings import SAMPLE, SAMPLE_DEFAULTS, ModelSettings
from podtune.formats.base_model import KIND, VERSION, BaseModelFacts
from podtune.formats.sealed import sealing
from podtune.sections import read_section, to_mapping
from podtune.sources.checksums import Sum
from podtune.sources.samples import is_sample, read_sample
from podtune.sources.source import open_source
from podtune.sources.uris import without_secrets


def run(base_model: Path, model: Mapping[str, Any]) -> None:
    """Make a BaseModel of what the recipe's model section names."""
    settings = read_section(ModelSettings, model, "model")
    with sealing(base_model, KIND, VERSION) as draft:
        facts = BaseModelFacts(
            source=without_secrets(settings.source),
            model=settings.model,
            revision=settings.revision,
            licence=settings.licence,
            model_type=_bring(settings, draft.path),
        )
        draft.facts.update(to_mapping(facts))


def _bring(settings: ModelSettings, directory: Path) -> str:
    """Make or fetch the files; what is small is checked before the weights are fetched. Return the model's type."""
    place = without_secrets(settings.source)
    expected = Sum(settings.sha256, "model.sha256") if settings.sha256 else None
    if is_sample(settings.source):
        _make(settings.source, directory, expected)
        model_type = check_description(directory, place)
    else:
        source = open_source(settings.source, settings.revision)
        bring_description(source, directory)
        model_type = check_description(directory, place)
        bring_weights(source, directory, expected)
    check_weights(directory, place)
    return model_type


def _make(uri: str, directory: Path, expected: Optional[Sum]) -> None:
    """Write the sample a URI describes."""
    from podtune.tasks.question_answering.sample_model import write_sample_model

    values = read_sample(uri, SAMPLE, SAMPLE_DEFAULTS)
    write_sample_model(directory, **{key: int(value) for key, value in values.items()})
    if expected:
        expected.check(directory / WEIGHTS, f"{WEIGHTS} of {uri}")
