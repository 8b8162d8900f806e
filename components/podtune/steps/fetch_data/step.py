"""Fetch a data set's files, verify them, and record where they come from: RawData."""

import logging
from pathlib import Path, PurePosixPath
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Tuple

from podtune.errors import BadInput
from podtune.formats.facts import write_facts
from podtune.formats.raw_data import RAW_DATA, RawDataFacts
from podtune.formats.stand_ins import refuse_stand_in
from podtune.formats.sums import known_sums
from podtune.samples.sample import DATA_SETS, is_sample, write_sample
from podtune.sections import read_section, to_mapping
from podtune.sources.checksums import Sum
from podtune.sources.finding import Found, find_files
from podtune.sources.source import Source, open_source
from podtune.sources.uris import FileLocation, hub_name, scheme_of, shown_location, without_secrets
from podtune.steps.fetch_data.settings import AS_THEY_ARE, IN_PARTS, SourceSettings, as_list

_SHOWN = 3
"""Names of a list by which messages call it."""

_log = logging.getLogger(__name__)


class _Entry(NamedTuple):
    """What a name in the recipe means."""

    at: FileLocation
    source: Source
    found: Found
    digest: str
    """SHA-256 of its only file; empty where none is given."""

    def shown(self, name: str) -> str:
        """One of its files, as messages show it."""
        return shown_location(FileLocation(self.at.source, name))


def run(raw_data: Path, source: Mapping[str, Any], *, raw_data_facts: Optional[Path] = None) -> None:
    """Make RawData of what the recipe's source section names."""
    settings = read_section(SourceSettings, source, "source")
    with RAW_DATA.sealing(raw_data) as draft:
        made = is_sample(settings.data)
        splits, origins = (_make(settings, draft.path), {}) if made else _fetch(settings, draft.path)
        facts = RawDataFacts(
            source=without_secrets(settings.data),
            dataset=settings.dataset or hub_name(settings.data),
            revision=settings.revision,
            licence=settings.licence,
            splits=splits,
            origins=origins,
        )
        draft.facts.update(to_mapping(facts))
    _tell_of_larger(settings, sum(entry.size for entry in RAW_DATA.read(raw_data).files.values()))
    write_facts(RAW_DATA, raw_data, raw_data_facts)


def _tell_of_larger(settings: SourceSettings, size: int) -> None:
    """Warn where the files take more of the disk than the recipe says."""
    if 0 < settings.gigabytes * 1e9 < size:
        said = f"source.gigabytes says {settings.gigabytes:g}, by which the pods of later steps ask for disk"
        _log.warning("the data takes %.2f GB; %s; correct it", size / 1e9, said)


def _make(settings: SourceSettings, directory: Path) -> Dict[str, str]:
    """Write the sample a URI describes."""
    files: Dict[str, str] = write_sample(settings.data, DATA_SETS, directory)
    for split, digests in settings.sha256.items():
        if split not in files:
            raise BadInput(f"source.sha256.{split} must belong to one of the sample's files {', '.join(files)}")
        for digest in as_list(digests):
            Sum(digest, f"source.sha256.{split}").check(directory / files[split], f"{split} of {settings.data}")
    return files


def _fetch(settings: SourceSettings, directory: Path) -> Tuple[Dict[str, str], Dict[str, str]]:
    """Fetch every split's files, renamed to <split>.<role>; return the splits and the origins to record."""
    splits: Dict[str, str] = {}
    origins: Dict[str, str] = {}
    locations = settings.locations()
    uris = dict.fromkeys(at.source for of_split in locations.values() for at in of_split)
    sources = {uri: open_source(uri, settings.revision) for uri in uris}
    for split, of_split in locations.items():
        sums = as_list(settings.sha256.get(split, [""] * len(of_split)))
        entries = [_entry(split, at, sources[at.source], digest) for at, digest in zip(of_split, sums, strict=True)]
        files = [entry.shown(name) for entry in entries for name in entry.found.files]
        if len(files) == 1 and not entries[0].found.is_folder:
            splits[split] = split + PurePosixPath(files[0]).suffix
            size = _bring(split, entries[0], entries[0].found.files[0], directory / splits[split])
            _log.info("%s: %s bytes", split, f"{size:,}")
            origins[split] = files[0]
        else:
            splits[split] = split
            origins.update(_bring_several(split, entries, directory))
            _log.info("%s: %s files", split, f"{len(files):,}")
    return splits, origins


def _entry(split: str, at: FileLocation, source: Source, digest: str) -> _Entry:
    """Find what a name means; BadInput where that is not what the split's role takes."""
    role, shown = split.partition(".")[2], shown_location(at).rstrip("/")
    found = find_files(source, at.name, described=role not in AS_THEY_ARE)
    if (found.is_folder and not found.files) or (not scheme_of(at.source) and _is_empty_folder(Path(*at))):
        raise BadInput(f"the folder of source.splits.{split} is empty; it should hold files")
    several = found.is_folder or len(found.files) > 1
    if several and role not in (*IN_PARTS, *AS_THEY_ARE):
        what = "a folder" if found.is_folder else f"{len(found.files)} files"
        raise BadInput(f"{shown} is {what}; it should be a file")
    if several and digest:
        what = "a folder" if found.is_folder else f"{len(found.files)} files"
        raise BadInput(f"source.sha256.{split} must be left out: {shown} is {what}, which has no SHA-256")
    return _Entry(at, source, found, digest)


def _is_empty_folder(path: Path) -> bool:
    return path.is_dir() and not any(path.iterdir())


def _bring_several(split: str, entries: List[_Entry], directory: Path) -> Dict[str, str]:
    """Bring the files of a folder, or of each entry to a folder of its own; return the origins of all."""
    shown = [shown_location(entry.at).rstrip("/") for entry in entries]
    rest = f" and {len(shown) - _SHOWN} more" if len(shown) > _SHOWN else ""
    origins = {split: ", ".join(shown[:_SHOWN]) + rest}
    names: Dict[Path, str] = {}
    one_folder = len(entries) == 1 and entries[0].found.is_folder
    for number, entry in enumerate(entries):
        folder = split if one_folder else f"{split}/{number:04}"
        if not one_folder:
            origins[folder] = entry.shown(entry.found.folder).rstrip("/")
        for name in entry.found.files:
            target = directory / folder / name[len(entry.found.folder) :]
            target.parent.mkdir(parents=True, exist_ok=True)
            _bring(split, entry, name, target)
            names[target] = entry.shown(name)
    if split.partition(".")[2] not in AS_THEY_ARE:
        _require_differences(names)
    return origins


def _require_differences(names: Mapping[Path, str]) -> None:
    """BadInput where two parts are the same file, or copies of one."""
    by_size: Dict[int, List[Path]] = {}
    for path in names:
        by_size.setdefault(path.stat().st_size, []).append(path)
    for alike in by_size.values():
        seen: Dict[str, Path] = {}
        for path, digest in zip(alike, known_sums(alike)) if len(alike) > 1 else ():
            other = seen.setdefault(digest, path)
            if other != path:
                raise BadInput(f"{names[other]} and {names[path]} have the same content; keep one of them")


def _bring(split: str, entry: _Entry, name: str, target: Path) -> int:
    """Bring one file; return its size in bytes."""
    expected = Sum(entry.digest, f"source.sha256.{split}") if entry.digest else None
    entry.source.bring(name, target, expected)
    refuse_stand_in(target, entry.shown(name))
    size = target.stat().st_size
    if not size and not entry.found.is_folder:
        raise BadInput(f"the file of source.splits.{split} is empty; it should hold examples: {entry.shown(name)}")
    return size
