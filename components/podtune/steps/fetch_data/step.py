"""Fetch a data set's files, verify them, and record where they come from: RawData."""

import logging
from pathlib import Path, PurePosixPath
from typing import Any, Dict, Mapping, Optional

from podtune.errors import BadInput
from podtune.formats.raw_data import RAW_DATA, RawDataFacts
from podtune.samples.sample import DATA_SETS, is_sample, write_sample
from podtune.sections import read_section, to_mapping
from podtune.sources.checksums import Sum
from podtune.sources.git_lfs import refuse_pointer
from podtune.sources.source import Source, copy_folder, open_source
from podtune.sources.uris import hub_name, scheme_of, shown_location, without_secrets
from podtune.steps.fetch_data.settings import FOLDERS, SourceSettings

_log = logging.getLogger(__name__)


def run(raw_data: Path, source: Mapping[str, Any]) -> None:
    """Make RawData of what the recipe's source section names."""
    settings = read_section(SourceSettings, source, "source")
    with RAW_DATA.sealing(raw_data) as draft:
        made = is_sample(settings.data)
        facts = RawDataFacts(
            source=without_secrets(settings.data),
            dataset=settings.dataset or hub_name(settings.data),
            revision=settings.revision,
            licence=settings.licence,
            splits=_make(settings, draft.path) if made else _fetch(settings, draft.path),
            origins={} if made else {split: shown_location(at) for split, at in settings.locations().items()},
        )
        draft.facts.update(to_mapping(facts))


def _make(settings: SourceSettings, directory: Path) -> Dict[str, str]:
    """Write the sample a URI describes."""
    files: Dict[str, str] = write_sample(settings.data, DATA_SETS, directory)
    for split, digest in settings.sha256.items():
        if split not in files:
            raise BadInput(f"source.sha256.{split} must belong to one of the sample's files {', '.join(files)}")
        Sum(digest, f"source.sha256.{split}").check(directory / files[split], f"{split} of {settings.data}")
    return files


def _fetch(settings: SourceSettings, directory: Path) -> Dict[str, str]:
    """Fetch every split's files, renamed to <split>.<role>."""
    splits: Dict[str, str] = {}
    locations = settings.locations()
    sources = {at.source: open_source(at.source, settings.revision) for at in locations.values()}
    for split, at in locations.items():
        digest = settings.sha256.get(split)
        expected = Sum(digest, f"source.sha256.{split}") if digest else None
        may_be_folder = not scheme_of(at.source) and split.partition(".")[2] in FOLDERS
        if may_be_folder and Path(*at).is_dir():
            splits[split] = split
            _copy(split, Path(at.source) / at.name, directory / split, expected)
        else:
            splits[split] = split + PurePosixPath(at.name).suffix
            _bring(split, sources[at.source], at.name, directory / splits[split], expected)
    return splits


def _copy(split: str, folder: Path, target: Path, expected: Optional[Sum]) -> None:
    if expected:
        raise BadInput(f"{expected.said_by} must be left out: {folder} is a folder, which has no SHA-256")
    copied = copy_folder(folder, target)
    if not copied:
        raise BadInput(f"the folder of source.splits.{split} is empty; it should hold files")
    _log.info("%s: %s files", split, f"{copied:,}")


def _bring(split: str, source: Source, name: str, target: Path, expected: Optional[Sum]) -> None:
    source.bring(name, target, expected)
    size = target.stat().st_size
    if not size:
        raise BadInput(f"the file of source.splits.{split} is empty; it should hold examples")
    refuse_pointer(target, f"{source.uri}/{name}")
    _log.info("%s: %s bytes", split, f"{size:,}")
