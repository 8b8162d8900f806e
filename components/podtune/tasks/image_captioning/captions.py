"""A split of image-captioning Features: images, each with the captions that a model learns.

`images.jsonl` has one object an image: {"id", "file", "sha256", "captions", "references", "slices"}, in the order of
`images.npy`. Every array is a file named like its field (formats/ragged.py).
"""

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, List, Mapping, Sequence, Tuple

import numpy as np

from podtune.errors import BadInput
from podtune.formats.json_lines import read_json_lines, write_json_lines
from podtune.formats.profile import Traces, hashes, lengths, normalised
from podtune.formats.ragged import Array, Batch, Ragged, gather, map_array, map_ragged, save_array

IMAGES = "images.jsonl"
PIXELS = "images"
TOKENS = "tokens"
CAPTIONS_OF = "captions_of"

PATCHES_OF_AN_IMAGE = 197
"""14 x 14 patches of 16 x 16 pixels, and the classifier's: the measure of micro-batches, whatever the model."""


@dataclass(frozen=True)
class ImageRecord:
    """What is known of an image beside its pixels."""

    id: str
    file: str
    """Its name in the data."""

    sha256: str
    """Of the file as published."""

    captions: Tuple[str, ...]
    """Those that are learnt."""

    references: Tuple[str, ...]
    """Those that a prediction is scored against."""

    slices: Mapping[str, str]
    """What the image is counted under, such as {"text_detected": "yes"}."""


@dataclass(frozen=True)
class ImageCaptions:
    """The images of one split; `training.protocols.Examples`."""

    directory: Path
    images: Array
    """uint8 [images, height, width, 3]: red, green, blue."""

    tokens: Ragged
    """int32, a row for each caption: its token ids, the last of them the end of the text."""

    captions_of: Array
    """int64 [images + 1]: the captions of image i are captions_of[i] to captions_of[i + 1]."""

    def __len__(self) -> int:
        return len(self.images)

    @cached_property
    def lengths(self) -> Array:
        """int64 [images]: the patches of an image and the tokens of its captions."""
        tokens: Array = np.diff(self.tokens.offsets[self.captions_of])
        return PATCHES_OF_AN_IMAGE + tokens

    def names(self, rows: Array) -> List[str]:
        """The images' ids."""
        ids = [record.id for record in read_records(self.directory)]
        return [ids[row] for row in rows]

    def batch(self, rows: Array) -> Batch:
        """Gather images: stream tokens, int32, caption after caption, and column pixels, uint8."""
        starts = self.captions_of[rows]
        captions = gather(np.arange(len(self.tokens)), starts, self.captions_of[rows + 1] - starts)
        tokens = self.tokens.take(captions.values)
        return Batch(
            offsets=tokens.offsets[captions.offsets],
            streams={"tokens": tokens.values},
            columns={"pixels": np.take(self.images, rows, axis=0)},
            sequences=tokens.offsets,
        )


def write_captions(directory: Path, records: Sequence[ImageRecord], tokens: Ragged) -> None:
    """Write a split's records and captions beside its images; `tokens` are of all captions, in the records' order."""
    write_json_lines(directory / IMAGES, map(vars, records))
    save_array(directory, TOKENS, tokens)
    save_array(directory, CAPTIONS_OF, np.cumsum([0, *(len(record.captions) for record in records)], dtype=np.int64))


def open_captions(features: Path, split: str) -> ImageCaptions:
    """Memory-map one split of a verified Features directory; BadInput where there is no such split."""
    directory = features / split
    if not (directory / IMAGES).is_file():
        names = ", ".join(sorted(path.parent.name for path in features.glob(f"*/{IMAGES}"))) or "none"
        raise BadInput(f"{features} has no split {split!r} of images; it has {names}")
    return ImageCaptions(
        directory,
        np.asarray(map_array(directory, PIXELS)),
        map_ragged(directory, TOKENS),
        np.asarray(map_array(directory, CAPTIONS_OF)),
    )


def read_records(directory: Path) -> List[ImageRecord]:
    """Read what is known of a split's images, in the data's order."""
    return [_record(values) for values in read_json_lines(directory / IMAGES)]


def split_digest(records: Sequence[ImageRecord]) -> str:
    """SHA-256 of a split's image files and references, whatever the tokenizer, and whatever is learnt of them."""
    digest = hashlib.sha256()
    for record in records:
        line = json.dumps([record.id, record.sha256, *record.references], ensure_ascii=False)
        digest.update(line.encode("utf-8") + b"\n")
    return digest.hexdigest()


def traces_of(records: Sequence[ImageRecord], pixels: Sequence[bytes]) -> Traces:
    """What the profile needs of a split's images; `pixels` are digests, in the same order.

    A source is the image's file, a text its first caption, which is its answer too.
    """
    texts = [normalised(record.captions[0]) for record in records]
    files = hashes(record.sha256 for record in records)
    return Traces(
        ids=[record.id for record in records],
        exact=files,
        normalised=hashes(pixels),
        sources=files,
        texts=hashes(texts),
        answers=hashes(record.captions[0] for record in records),
        text_lengths=lengths(record.captions[0] for record in records),
        source_lengths=np.empty(0, dtype=np.int64),
    )


def _record(values: Mapping[str, Any]) -> ImageRecord:
    texts = {name: tuple(values[name]) for name in ("captions", "references")}
    return ImageRecord(**{**values, **texts})
