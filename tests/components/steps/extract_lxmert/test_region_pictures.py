import zipfile
from pathlib import Path
from typing import Any, Callable, Dict, List, Tuple

import numpy as np
import pytest
from inputs.visual_question_answering import telling
from PIL import Image
from podtune.detector.detector import open_detector
from podtune.detector.pictures import open_picture
from podtune.errors import BadInput
from podtune.formats.raw_data import DataFile
from podtune.steps.extract_lxmert.region_pictures import store_picture_regions
from podtune.steps.extract_lxmert.reports import BadRow
from podtune.tasks.visual_question_answering.region_store import create_store

PUBLISHED_WIDTH: Dict[str, Any] = {"width": 64, "blocks": (1, 1, 1, 1), "pooling": 2, "proposals": 12, "regions": 3}
"""So that a region has 2,048 features."""


@pytest.fixture
def detector(write_detector: Callable[..., Path]) -> Path:
    return write_detector(**PUBLISHED_WIDTH)


@pytest.fixture
def pictures(tmp_path: Path, picture_file: Callable[..., bytes]) -> Path:
    """Two pictures, one of them cut off, in a folder."""
    folder = tmp_path / "pictures" / "val2014"
    folder.mkdir(parents=True)
    (folder / "one.png").write_bytes(picture_file(64, 48))
    (folder / "two.jpg").write_bytes(picture_file(64, 48, 1, "JPEG")[:-40])
    return tmp_path / "pictures"


def store(folder: Path, pictures: Path, detector: Path, regions: int = 3) -> Tuple[Any, List[BadRow], np.ndarray]:
    """Store the regions of three images: which have some, what was told, and the features."""
    (folder / "split").mkdir()
    create_store(folder / "split", ["two", "one", "three"], regions)
    told: List[BadRow] = []
    stored = store_picture_regions(DataFile(pictures), DataFile(detector), folder / "split", regions, telling(told))
    return stored, told, np.load(folder / "split" / "features.npy")


def test_an_images_regions_are_what_a_detector_sees_in_its_file(tmp_path: Path, pictures: Path, detector: Path) -> None:
    stored, told, features = store(tmp_path, pictures, detector)

    seen = open_detector(detector).describe(open_picture((pictures / "val2014" / "one.png").read_bytes(), "one"))
    assert stored == {"one"}
    assert np.array_equal(features[1], seen.features.astype(np.float16))
    assert not features[[0, 2]].any()
    assert [(bad.row, bad.image) for bad in told] == [(1, "two")]
    assert told[0].reason.startswith("the picture val2014/two.jpg cannot be decoded: image file is truncated")


def test_weights_alone_are_the_published_network(tmp_path: Path, pictures: Path, detector: Path) -> None:
    with pytest.raises(BadInput, match=r"model\.safetensors lacks backbone\.res2\.1\.conv1\.weight, "):
        store(tmp_path, pictures, detector / "model.safetensors")


def test_as_many_regions_as_the_detector_finds_are_asked_for(tmp_path: Path, pictures: Path, detector: Path) -> None:
    with pytest.raises(BadInput, match=r"features\.regions must be 3, as .*detector finds; got 36"):
        store(tmp_path, pictures, detector, regions=36)


def test_after_a_damaged_picture_the_others_are_only_checked_where_that_stops_the_step(
    tmp_path: Path, pictures: Path, detector: Path
) -> None:
    (pictures / "three.png").write_bytes(b"no picture")
    (tmp_path / "split").mkdir()
    create_store(tmp_path / "split", ["two", "one", "three"], 3)
    told: List[str] = []

    def stopping(bad: BadRow) -> bool:
        told.append(bad.image)
        return False

    assert store_picture_regions(DataFile(pictures), DataFile(detector), tmp_path / "split", 3, stopping) == set()
    assert told == ["two", "three"]


def test_a_member_that_is_not_what_was_packed_is_told(
    tmp_path: Path, detector: Path, picture_file: Callable[..., bytes]
) -> None:
    content = picture_file(64, 48)
    with zipfile.ZipFile(tmp_path / "pictures.zip", "w") as archive:
        archive.writestr("one.png", content)
    whole = (tmp_path / "pictures.zip").read_bytes()
    (tmp_path / "pictures.zip").write_bytes(whole.replace(content[60:70], bytes(10), 1))

    _, told, _ = store(tmp_path, tmp_path / "pictures.zip", detector)

    assert [(bad.image, bad.reason) for bad in told] == [("one", "Bad CRC-32 for file 'one.png'")]


def test_a_wrong_detector_is_named_as_it_was_fetched(tmp_path: Path, pictures: Path, detector: Path) -> None:
    weights = DataFile(detector / "model.safetensors", "s3://mine/detector.safetensors")

    with pytest.raises(BadInput, match=r"^s3://mine/detector\.safetensors lacks backbone\.res2\.1\.conv1\.weight, "):
        store_picture_regions(DataFile(pictures), weights, tmp_path, 3, telling([]))


def test_two_files_of_an_image_are_refused(tmp_path: Path, pictures: Path, detector: Path) -> None:
    Image.new("RGB", (64, 48)).save(pictures / "one.jpg")

    with pytest.raises(BadInput, match=r"pictures has 2 files of the image 'one': one\.jpg, val2014/one\.png"):
        store(tmp_path, pictures, detector)
