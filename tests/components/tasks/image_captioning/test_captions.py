from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from podtune.errors import BadInput
from podtune.formats.ragged import Ragged
from podtune.tasks.image_captioning.captions import (
    ImageCaptions,
    ImageRecord,
    open_captions,
    read_records,
    split_digest,
    write_captions,
)

CAT = ImageRecord("7", "cat.jpg", "a" * 64, ("a cat",), ("a cat", "a cat\u2028sits"), {"text_detected": "no"})
TWO = ImageRecord("8", "two.jpg", "b" * 64, ("two", "two cars"), ("two", "two cars"), {})
DOG = ImageRecord("09", "dög.jpg", "c" * 64, ("a dog runs",), ("a dog runs",), {"text_detected": "yes"})
RECORDS = [CAT, TWO, DOG]
TOKENS = Ragged(np.array([1, 2, 0, 3, 0, 3, 4, 0, 1, 5, 6, 0], dtype=np.int32), np.array([0, 3, 5, 8, 12]))


@pytest.fixture
def features(tmp_path: Path) -> Path:
    directory = tmp_path / "validation"
    directory.mkdir()
    np.save(directory / "images.npy", np.arange(3 * 2 * 2 * 3, dtype=np.uint8).reshape(3, 2, 2, 3))
    write_captions(directory, RECORDS, TOKENS)
    return tmp_path


@pytest.fixture
def captions(features: Path) -> ImageCaptions:
    return open_captions(features, "validation")


def test_what_is_known_of_images_survives(features: Path) -> None:
    assert read_records(features / "validation") == RECORDS


def test_an_image_is_as_long_as_its_places_and_all_its_captions(captions: ImageCaptions) -> None:
    assert len(captions) == 3
    assert captions.lengths.tolist() == [200, 202, 201]


def test_rows_are_named_by_their_images(captions: ImageCaptions) -> None:
    assert captions.names(np.array([2, 0])) == ["09", "7"]


def test_a_batch_has_the_images_and_their_captions_one_after_the_other(captions: ImageCaptions) -> None:
    batch = captions.batch(np.array([2, 1]))

    assert batch.streams["tokens"].tolist() == [1, 5, 6, 0, 3, 0, 3, 4, 0]
    assert batch.offsets.tolist() == [0, 4, 9]
    assert batch.sequences is not None
    assert batch.sequences.tolist() == [0, 4, 6, 9]
    assert batch.columns["pixels"].dtype == np.uint8
    assert batch.columns["pixels"][:, 0, 0].tolist() == [[24, 25, 26], [12, 13, 14]]


def test_pixels_stay_on_the_disk_until_they_are_gathered(captions: ImageCaptions) -> None:
    assert isinstance(captions.images.base, np.memmap)


def test_a_split_that_is_not_there_is_named_with_those_that_are(features: Path) -> None:
    with pytest.raises(BadInput, match=r"has no split 'test' of images; it has validation$"):
        open_captions(features, "test")


def test_the_digest_knows_images_and_references_only() -> None:
    digest = split_digest(RECORDS)

    assert digest == "6b8194ee468338831a807c193d5bd66dafb88a86b4b1330036791a61d7117225"
    assert split_digest([replace(CAT, captions=(), file="other.jpg", slices={}), TWO, DOG]) == digest
    assert split_digest([replace(CAT, sha256="d" * 64), TWO, DOG]) != digest
    assert split_digest([replace(CAT, references=("a cat",)), TWO, DOG]) != digest
    assert split_digest([TWO, CAT, DOG]) != digest
