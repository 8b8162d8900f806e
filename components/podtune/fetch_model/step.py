"""Fetch a pretrained model, take from it only what is needed and safe, and check that it fits together: BaseModel."""

import logging
from pathlib import Path
from typing import Any, Mapping, Optional

from podtune.fetch_model.allowed_files import bring_model
from podtune.fetch_model.checks import check_model
from podtune.fetch_model.settings import SAMPLE, SAMPLE_DEFAULTS, ModelSettings
from podtune.formats.base_model import KIND, VERSION, BaseModelFacts
from podtune.formats.sealed import sealing
from podtune.sections import read_section, to_mapping
from podtune.sources.checksums import Sum
from podtune.sources.samples import is_sample, read_sample
from podtune.sources.uris import without_secrets

_log = logging.getLogger(__name__)


def run(base_model: Path, model: Mapping[str, Any]) -> None:
    """Make a BaseModel of what the recipe's model section names."""
    settings = read_section(ModelSettings, model, "model")
    expected = Sum(settings.sha256, "model.sha256") if settings.sha256 else None
    with sealing(base_model, KIND, VERSION) as draft:
        if is_sample(settings.source):
            _make(settings.source, draft.path, expected)
        else:
            bring_model(settings.source, settings.revision, draft.path, expected)
        facts = BaseModelFacts(
            source=without_secrets(settings.source),
            model=settings.model,
            revision=settings.revision,
            licence=settings.licence,
            model_type=check_model(draft.path, without_secrets(settings.source)),
        )
        draft.facts.update(to_mapping(facts))


def _make(uri: str, directory: Path, expected: Optional[Sum]) -> None:
    """Write the sample a URI describes."""
    from podtune.tasks.question_answering.sample_model import write_sample_model

    write_sample_model(
        directory, **{key: int(value) for key, value in read_sample(uri, SAMPLE, SAMPLE_DEFAULTS).items()}
    )
    if expected:
        expected.check(directory / "model.safetensors", f"model.safetensors of {uri}")
