"""Fetch a data set's files, verify them, and record where they come from: RawData."""

import logging
from pathlib import Path, PurePosixPath
from typing import Any, Dict, Mapping

from podtune.errors import BadInput
from podtune.fetch_data.settings import SAMPLE, SAMPLE_DEFAULTS, SPLITS, SourceSettings
from podtune.formats.raw_data import KIND, VERSION, RawDataFacts
from podtune.formats.sealed import sealing
from podtune.sections import read_section, to_mapping
from podtune.sources.checksums import Sum
from podtune.sources.samples import is_sample, read_sample
from podtune.sources.source import open_source
from podtune.sources.uris import without_secrets

_log = logging.getLogger(__name__)


def run(raw_data: Path, source: Mapping[str, Any]) -> None:
    """Make RawData of what the recipe's source section names."""
    settings = read_section(SourceSettings, source, "source")
    with sealing(raw_data, KIND, VERSION) as draft:
        splits = _make(settings, draft.path) if is_sample(settings.data) else _fetch(settings, draft.path)
        _refuse_empty_files(splits, draft.path)
        facts = RawDataFacts(
            source=without_secrets(settings.data),
            dataset=settings.dataset,
            revision=settings.revision,
            licence=settings.licence,
            splits=splits,
        )
        draft.facts.update(to_mapping(facts))


def _make(settings: SourceSettings, directory: Path) -> Dict[str, str]:
    """Write the sample a URI describes."""
    from podtune.tasks.question_answering.sample import write_sample

    values = read_sample(settings.data, SAMPLE, SAMPLE_DEFAULTS)
    numbers = {key: int(values[key]) for key in ("seed", "train", "validation")}
    write_sample(directory, **numbers, version=values["version"])
    for split, digest in settings.sha256.items():
        Sum(digest, f"source.sha256.{split}").check(directory / SPLITS[split], f"{split} of {settings.data}")
    return dict(SPLITS)


def _fetch(settings: SourceSettings, directory: Path) -> Dict[str, str]:
    """Bring every split's file; it is called like its split, whatever it was called."""
    splits: Dict[str, str] = {}
    places = settings.places()
    sources = {place.source: open_source(place.source, settings.revision) for place in places.values()}
    for split, place in places.items():
        splits[split] = split + PurePosixPath(place.name).suffix
        digest = settings.sha256.get(split)
        expected = Sum(digest, f"source.sha256.{split}") if digest else None
        sources[place.source].bring(place.name, directory / splits[split], expected)
        _log.info("%s: %s bytes", split, f"{(directory / splits[split]).stat().st_size:,}")
    return splits


def _refuse_empty_files(splits: Mapping[str, str], directory: Path) -> None:
    for split, file in splits.items():
        if not (directory / file).stat().st_size:
            raise BadInput(f"the file of source.splits.{split} is empty; it should hold examples")
