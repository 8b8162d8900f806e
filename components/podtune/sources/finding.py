"""Which files a recipe's name means: the file of that name, or all of a folder, of a pattern or of a split's shards."""

import logging
import re
from collections import defaultdict
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from typing import Dict, List, NamedTuple, Sequence, Set, Tuple

from podtune.errors import BadInput
from podtune.formats.raw_data import is_left_by_systems, natural_order
from podtune.sources.source import Source
from podtune.sources.uris import fixed_folder, is_pattern

_SHARD = re.compile(r"(?P<split>.*)-(?P<number>\d{5})-of-(?P<count>\d{5})(?P<ending>[^/]*)")
"""How the library `datasets` and the Hub call the parts of a split, such as data/train-00000-of-00002.parquet."""

_BESIDE_DATA = re.compile(
    r"(readme|licen[cs]e|copying|notice|citation|changelog)\b.*|_success|dataset_(dict|infos?)\.json|state\.json"
    r"|.*\.(md|py|ya?ml|html?|pdf|sha256)"
)
"""Names, in lower case, of files that describe data and hold none."""

_log = logging.getLogger(__name__)


class Found(NamedTuple):
    """The files that a name means."""

    folder: str
    """Below which all of them lie, with a slash at its end; empty for the source's top."""

    files: List[str]
    """Names in the source, in natural order."""

    is_folder: bool
    """Whether the name is a folder's, all files of which are meant."""


def find_files(source: Source, name: str, *, described: bool) -> Found:
    """Find what a name means; one that means nothing is left as it is, for the source to say what is wrong.

    Files that describe the data, such as README.md, are left out where it may be `described`. BadInput where nothing
    fits a pattern, or shards are missing.
    """
    if source.has(name):
        _tell_of_other_shards(source, name)
        return _one(name)
    if is_pattern(name):
        return _fitting(source, name, described=described)
    folder = name.rstrip("/") + "/"
    files = _data_of(source.listed(folder), folder, described=described)
    if files or name.endswith("/"):
        _require_whole(source, name, files)
        return Found(folder, files, is_folder=True)
    shards = sorted(file for file in source.listed(f"{name}-") if _shard_of(file).split == name)
    _require_whole(source, name, shards)
    return Found(fixed_folder(name), shards, is_folder=False) if shards else _one(name)


def _one(name: str) -> Found:
    return Found("".join(name.rpartition("/")[:2]), [name], is_folder=False)


def _fitting(source: Source, pattern: str, *, described: bool) -> Found:
    folder = fixed_folder(pattern)
    files = _data_of(source.listed(folder), folder, described=described)
    fitting = [file for file in files if _fits(file.split("/"), pattern.split("/"))]
    if not fitting:
        there = ", ".join(files[:5]) + (f" and {len(files) - 5:,} more" if len(files) > 5 else "")
        raise BadInput(f"no file fits {source.uri}/{pattern}; there {f'are {there}' if files else 'is none at all'}")
    _require_whole(source, pattern, fitting)
    return Found(folder, fitting, is_folder=False)


def _fits(parts: Sequence[str], pattern: Sequence[str]) -> bool:
    """Whether each part of a path fits a part of the pattern, of which ** is any number of folders."""
    if not pattern:
        return not parts
    if pattern[0] == "**":
        return any(_fits(parts[begin:], pattern[1:]) for begin in range(len(parts) + 1))
    return bool(parts) and fnmatchcase(parts[0], pattern[0]) and _fits(parts[1:], pattern[1:])


def _data_of(files: List[str], folder: str, *, described: bool) -> List[str]:
    """The files that may hold data, in natural order."""
    if described:
        files = [file for file in files if not _describes(PurePosixPath(file[len(folder) :]))]
    return sorted(files, key=natural_order)


def _describes(path: PurePosixPath) -> bool:
    return is_left_by_systems(path) or bool(_BESIDE_DATA.fullmatch(path.name.lower()))


class _Shard(NamedTuple):
    """A file as a part of a split."""

    split: str
    """Empty for a file that is none."""

    number: int = 0
    of: int = 1
    ending: str = ""


def _shard_of(file: str) -> _Shard:
    match = _SHARD.fullmatch(file)
    return _Shard(match["split"], int(match["number"]), int(match["count"]), match["ending"]) if match else _Shard("")


def _tell_of_other_shards(source: Source, file: str) -> None:
    shard = _shard_of(file)
    if shard.of > 1:
        _log.warning("%s/%s is one of %s shards; %s names all of them", source.uri, file, shard.of, shard.split)


def _require_whole(source: Source, name: str, files: List[str]) -> None:
    """BadInput where shards are missing, or are of several splits."""
    by_split: Dict[Tuple[str, int, str], Set[int]] = defaultdict(set)
    for shard in filter(lambda shard: shard.split, map(_shard_of, files)):
        by_split[shard.split, shard.of, shard.ending].add(shard.number)
    for (split, count, ending), numbers in by_split.items():
        missing = [f"{split}-{number:05}-of-{count:05}{ending}" for number in range(count) if number not in numbers]
        if missing:
            named = ", ".join(missing[:3]) + (f" and {len(missing) - 3} more" if len(missing) > 3 else "")
            raise BadInput(f"{source.uri}/{name} lacks {len(missing)} of {count} shards: {named}")
    splits = sorted({split for split, _, _ in by_split})
    if len({PurePosixPath(split).name for split in splits}) > 1:
        raise BadInput(f"{source.uri}/{name} has shards of {', '.join(splits)}; name one of these")
