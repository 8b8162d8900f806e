"""The `source` section of a recipe: which data, from where."""

import re
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Dict, Iterator, List, Optional, Tuple, Union

from podtune.samples.sample import DATA_SETS, is_sample, mistake_in_sample
from podtune.sections import out_of_range
from podtune.sources import uris

SCHEMES = "https s3 hf sample"
SPLITS = {"train": "train.json", "validation": "validation.json"}
"""The usual file names of data sets in SQuAD's format."""

IN_PARTS = ("", "questions", "annotations", "features", "table", "captions", "images")
"""Roles for which several files may stand; a SQuAD split has no role."""

AS_THEY_ARE = ("images", "detector")
"""Roles whose folders are fetched with all that is in them."""

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*(\.[a-z0-9][a-z0-9_-]*)?")


@dataclass(frozen=True)
class SourceSettings:
    """Origin of a data set, and its description for the card."""

    data: str
    """A directory, https://…, s3://bucket/prefix, hf://datasets/owner/name, or sample://squad?seed=1&… (also vqa,
    gqa, captions)."""

    dataset: str = ""
    """Its name on the card, such as rajpurkar/squad; empty where it is not stated."""

    licence: str = ""
    """SPDX identifier in lower case; empty where it is not stated."""

    splits: Dict[str, Union[str, List[str]]] = field(default_factory=lambda: dict(SPLITS))
    """Split to file: a path below `data`, or an absolute path or URI of its own. Where a split has files of several
    kinds, each is called <split>.<role>, such as train.questions. Several files of one kind are a list, a folder (on S3
    it ends with a slash), a pattern such as data/*.parquet, or the beginning of shards' names, such as data/train."""

    revision: str = ""
    """40 hexadecimal digits; hf:// needs it, the others have none."""

    sha256: Dict[str, Union[str, List[str]]] = field(default_factory=dict)
    """Split, or <split>.<role>, to the file's SHA-256, or to a list of them where files are listed; https:// needs
    it."""

    gigabytes: float = 0.0
    """That the files take on the disk, together, from which podtune argo works out the disk that each pod requests. 0
    where that is not known; then the steps that read the data request none."""

    def mistakes(self) -> Iterator[Tuple[str, str]]:
        """Sources that cannot be trusted or do not exist, as (key, what is wrong)."""
        mistake = uris.mistake_in_source(self.data, SCHEMES)
        if mistake:
            yield "data", mistake
        sums = {
            f"sha256.{split}{place}": digest
            for split, digests in self.sha256.items()
            for place, digest in _numbered(digests)
        }
        files = [file for files in self.splits.values() for file in as_list(files)]
        yield from uris.mistakes_in_origin(self.licence, self.revision, sums, [self.data, *files])
        yield from out_of_range(self, (("gigabytes", lambda value: value >= 0, "at least 0"),))
        yield from self._wrong_sample()
        yield from self._wrong_splits()
        yield from self._wrong_sums()

    @property
    def split_names(self) -> Tuple[str, ...]:
        """The splits, whatever files each has."""
        return tuple(dict.fromkeys(split.partition(".")[0] for split in self.splits))

    def locations(self) -> Dict[str, List[uris.FileLocation]]:
        """Split, or <split>.<role>, to the locations of its files, folders and patterns."""
        return {
            split: [
                uris.file_location(file) if _is_own(file) else uris.FileLocation(self.data, file)
                for file in as_list(files)
            ]
            for split, files in self.splits.items()
        }

    def _wrong_sample(self) -> Iterator[Tuple[str, str]]:
        if not is_sample(self.data):
            return
        mistake = mistake_in_sample(self.data, DATA_SETS)
        if mistake:
            yield "data", mistake
        if self.splits != SPLITS:
            yield "splits", f"must be left out for a sample, which names its files itself; got {self.splits}"

    def _wrong_splits(self) -> Iterator[Tuple[str, str]]:
        for split in ("train", "validation"):
            if split not in self.split_names:
                yield "splits", f"must name the file of {split}; got {', '.join(self.splits) or 'none'}"
        for split, files in self.splits.items():
            if not _NAME.fullmatch(split):
                form = "<split> or <split>.<role>, in lower-case letters, digits, _ and -"
                yield "splits", f"must be called {form}; got {split!r}"
            yield from self._wrong_files(split, files)

    def _wrong_files(self, split: str, files: Union[str, List[str]]) -> Iterator[Tuple[str, str]]:
        for place, file in _numbered(files):
            mistake = uris.mistake_in_files(file, "https s3 hf") if _is_own(file) else self._wrong_path(file)
            if mistake:
                yield f"splits.{split}{place}", mistake
        listed = as_list(files)
        twice = sorted({file for file in listed if listed.count(file) > 1})
        if twice:
            yield f"splits.{split}", f"must name each file once; got {twice[0]!r} {listed.count(twice[0])} times"
        if not listed:
            yield f"splits.{split}", "must name a file; got an empty list"
        if len(listed) > 1 and split.partition(".")[2] not in IN_PARTS:
            yield f"splits.{split}", f"must be one file; got {len(listed)}"

    def _wrong_path(self, file: str) -> Optional[str]:
        path = PurePosixPath(file)
        inside = file and file.removesuffix("/") == path.as_posix() and ".." not in path.parts and path.name
        wrong = None if inside else f"must be a plain path below data; got {file!r}"
        return uris.mistake_in_query(f"{self.data}/{file}") or wrong

    def _wrong_sums(self) -> Iterator[Tuple[str, str]]:
        for split in self.sha256:
            if split not in self.splits and not is_sample(self.data):
                yield f"sha256.{split}", f"must belong to one of the splits {', '.join(self.splits)}"
        for split, locations in self.locations().items():
            sums = as_list(self.sha256.get(split, []))
            if not sums and any(uris.scheme_of(source) in ("http", "https") for source, _ in locations):
                yield f"sha256.{split}", "must be given: what the web serves may change"
            elif sums and len(sums) != len(locations):
                yield (
                    f"sha256.{split}",
                    f"must be {len(locations)}, one for each file of splits.{split}; got {len(sums)}",
                )


def as_list(values: Union[str, List[str]]) -> List[str]:
    """The values; one that is not in a list is a list of one."""
    return [values] if isinstance(values, str) else values


def _numbered(values: Union[str, List[str]]) -> List[Tuple[str, str]]:
    """The values, each with its place in the list for messages; one that is in none has no place."""
    return [("", values)] if isinstance(values, str) else [(f"[{place}]", value) for place, value in enumerate(values)]


def _is_own(file: str) -> bool:
    """Whether a split's file has a location of its own instead of one below `data`."""
    return bool(uris.scheme_of(file)) or file.startswith("/")
