"""The `source` section of a recipe: which data, from where."""

import re
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Dict, Iterator, Optional, Tuple

from podtune.samples.sample import DATA_SETS, is_sample, mistake_in_sample
from podtune.sources import uris

SCHEMES = "https s3 hf sample"
SPLITS = {"train": "train.json", "validation": "validation.json"}
"""The usual file names of data sets in SQuAD's format."""

FOLDERS = ("", "table", "images", "detector")
"""Roles for which a local folder may stand in for a file; a SQuAD split has no role."""

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

    splits: Dict[str, str] = field(default_factory=lambda: dict(SPLITS))
    """Split to file: a path below `data`, or an absolute path or URI of its own. Where a split has several files,
    each is called <split>.<role>, such as train.questions. On this machine SQuAD's questions and tables may be folders
    of parts, and images a folder; images may also be a zip."""

    revision: str = ""
    """40 hexadecimal digits; hf:// needs it, the others have none."""

    sha256: Dict[str, str] = field(default_factory=dict)
    """Split, or <split>.<role>, to the file's SHA-256; https:// needs it."""

    def mistakes(self) -> Iterator[Tuple[str, str]]:
        """Sources that cannot be trusted or do not exist, as (key, what is wrong)."""
        mistake = uris.mistake_in_source(self.data, SCHEMES)
        if mistake:
            yield "data", mistake
        sums = {f"sha256.{split}": digest for split, digest in self.sha256.items()}
        yield from uris.mistakes_in_origin(self.licence, self.revision, sums, [self.data, *self.splits.values()])
        yield from self._wrong_sample()
        yield from self._wrong_splits()
        yield from self._wrong_sums()

    @property
    def split_names(self) -> Tuple[str, ...]:
        """The splits, whatever files each has."""
        return tuple(dict.fromkeys(split.partition(".")[0] for split in self.splits))

    def locations(self) -> Dict[str, uris.FileLocation]:
        """Split, or <split>.<role>, to the location of its file."""
        return {
            split: uris.file_location(file) if _is_own(file) else uris.FileLocation(self.data, file)
            for split, file in self.splits.items()
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
        for split, file in self.splits.items():
            if not _NAME.fullmatch(split):
                form = "<split> or <split>.<role>, in lower-case letters, digits, _ and -"
                yield "splits", f"must be called {form}; got {split!r}"
            mistake = uris.mistake_in_file(file, "https s3 hf") if _is_own(file) else self._wrong_path(file)
            if mistake:
                yield f"splits.{split}", mistake

    def _wrong_path(self, file: str) -> Optional[str]:
        path = PurePosixPath(file)
        inside = file and file == path.as_posix() and ".." not in path.parts and path.name
        wrong = None if inside else f"must be a plain path below data; got {file!r}"
        return uris.mistake_in_query(f"{self.data}/{file}") or wrong

    def _wrong_sums(self) -> Iterator[Tuple[str, str]]:
        for split in self.sha256:
            if split not in self.splits and not is_sample(self.data):
                yield f"sha256.{split}", f"must belong to one of the splits {', '.join(self.splits)}"
        for split, (source, _) in self.locations().items():
            if uris.scheme_of(source) in ("http", "https") and split not in self.sha256:
                yield f"sha256.{split}", "must be given: what the web serves may change"


def _is_own(file: str) -> bool:
    """Whether a split's file has a location of its own instead of one below `data`."""
    return bool(uris.scheme_of(file)) or file.startswith("/")
