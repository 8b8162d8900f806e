from io import BytesIO
from pathlib import Path
from typing import Dict

import numpy as np
from PIL import Image
from podtune.formats.raw_data import RAW_DATA, RawData
from podtune.steps.write_card.pictures import read_pictures


def raw_data(directory: Path, splits: Dict[str, str]) -> RawData:
    """A validation split with one large picture, and one file that is none."""
    noise = np.random.default_rng(0).integers(0, 256, (448, 300, 3), dtype=np.uint8)
    with RAW_DATA.sealing(directory) as draft:
        (draft.path / "pictures").mkdir()
        Image.fromarray(noise).save(draft.path / "pictures" / "COCO_1.png")
        (draft.path / "pictures" / "COCO_2.png").write_text("no picture")
        draft.facts.update(source="here", dataset="", revision="", licence="", splits=splits)
    return RAW_DATA.open(directory)


def test_a_picture_is_found_by_its_name_with_or_without_its_ending(tmp_path: Path) -> None:
    data = raw_data(tmp_path / "raw", {"validation.images": "pictures"})

    first, second = read_pictures(data, "validation", ["COCO_1.png", "COCO_1"])

    assert first is not None
    assert first == second
    assert (first.width, first.height) == (150, 224) == Image.open(BytesIO(first.jpeg)).size
    assert len(first.jpeg) < 35_000  # thirty-eight of them, in base64, stay below two megabytes


def test_what_is_no_picture_or_not_there_is_left_out(tmp_path: Path) -> None:
    data = raw_data(tmp_path / "raw", {"validation.images": "pictures"})

    assert read_pictures(data, "validation", ["COCO_2", "COCO_3", ""]) == [None, None, None]


def test_data_without_pictures_has_none(tmp_path: Path) -> None:
    data = raw_data(tmp_path / "raw", {"validation.features": "pictures"})

    assert read_pictures(data, "validation", ["COCO_1"]) == [None]
