from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from podtune.formats.previews import read_previews, write_previews
from podtune.formats.raw_data import DataFile

NOISE = np.random.default_rng(0).integers(0, 256, (448, 300, 3), dtype=np.uint8)


@pytest.fixture
def pictures(tmp_path: Path) -> DataFile:
    """A folder with one large picture and one file that is none."""
    (tmp_path / "pictures").mkdir()
    Image.fromarray(NOISE).save(tmp_path / "pictures" / "COCO_1.png")
    (tmp_path / "pictures" / "COCO_2.png").write_text("no picture")
    return DataFile(tmp_path / "pictures")


@pytest.fixture
def features(tmp_path: Path) -> Path:
    (tmp_path / "features").mkdir()
    return tmp_path / "features"


def test_a_picture_is_found_by_its_name_with_or_without_its_ending(features: Path, pictures: DataFile) -> None:
    names = ["COCO_1.png", "COCO_1", "COCO_1"]

    write_previews(features, "validation", pictures, names)

    assert [path.name for path in (features / "previews").iterdir()] == ["validation.jsonl"]
    assert len((features / "previews" / "validation.jsonl").read_text().splitlines()) == 2
    first, second, third = read_previews(features, "validation", names)
    assert first is not None
    assert first == second == third
    assert (first.width, first.height) == (150, 224) == Image.open(BytesIO(first.jpeg)).size
    assert len(first.jpeg) < 35_000  # thirty-eight of them, in base64, stay below two megabytes


def test_what_is_no_picture_or_not_there_is_left_out(features: Path, pictures: DataFile) -> None:
    write_previews(features, "validation", pictures, ["COCO_2", "COCO_3", ""])

    assert read_previews(features, "validation", ["COCO_2", "COCO_3", ""]) == [None, None, None]


def test_a_split_without_pictures_has_no_previews(features: Path) -> None:
    assert read_previews(features, "validation", ["COCO_1"]) == [None]


def test_the_training_split_gets_none(features: Path, pictures: DataFile) -> None:
    write_previews(features, "train", pictures, ["COCO_1"])

    assert list(features.iterdir()) == []


def test_a_large_jpeg_looks_as_if_it_had_been_decoded_whole(features: Path, pictures: DataFile) -> None:
    """It is decoded at an eighth of its size, which is quicker."""
    smooth = Image.fromarray(NOISE[:9, :12]).resize((4800, 3600), Image.Resampling.BICUBIC)
    smooth.save(pictures.path / "large.jpg")

    write_previews(features, "validation", pictures, ["large.jpg"])

    (preview,) = read_previews(features, "validation", ["large.jpg"])
    assert preview is not None
    assert (preview.width, preview.height) == (224, 168)
    shown = np.asarray(Image.open(BytesIO(preview.jpeg)).convert("RGB"), dtype=float)
    assert np.abs(shown - np.asarray(smooth.resize((224, 168)), dtype=float)).mean() < 3
