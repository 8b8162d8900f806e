import hashlib
import io
import json
import zipfile
from pathlib import Path
from random import Random
from typing import Any, Dict, List

import numpy as np
import pytest
from PIL import Image, ImageOps
from podtune.samples.captions import ShapeScene, Thing, draw_picture, jpeg_file, sample_words, write_captioned_images

PRECANNED = "Quality issues are too severe to recognize visual content."

# The same on every machine and every Python. The zips' bytes depend on Pillow's JPEG library.
DOCUMENTS = {
    "train.captions.json": "7d82e34a8cae70bf37b6773e6b7bb7b6c438c2af82b095ec7b978481828e1764",
    "validation.captions.json": "cfb487d75db8188ef59b87b37fe5e15eaf43bd9f3519fedfc4706bc2e1e003b2",
}


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """90 images and their captions, and 12."""
    directory = tmp_path_factory.mktemp("captions")
    write_captioned_images(directory, seed=1, train=90, validation=12)
    return directory


def read_json(sample: Path, split: str) -> Dict[str, Any]:
    document: Dict[str, Any] = json.loads((sample / f"{split}.captions.json").read_text(encoding="utf-8"))
    return document


def pictures(sample: Path, split: str) -> Dict[str, Image.Image]:
    with zipfile.ZipFile(sample / f"{split}.images.zip") as archive:
        return {name: Image.open(io.BytesIO(archive.read(name))) for name in archive.namelist()}


def pixels(picture: Image.Image) -> Any:
    return np.asarray(ImageOps.exif_transpose(picture), dtype=int)


def usable(document: Dict[str, Any]) -> Dict[int, List[str]]:
    """Image to its captions that are neither rejected nor precanned."""
    found: Dict[int, List[str]] = {}
    for annotation in document["annotations"]:
        if not annotation["is_rejected"] and not annotation["is_precanned"]:
            found.setdefault(annotation["image_id"], []).append(annotation["caption"])
    return found


def test_a_seed_gives_the_same_captions_everywhere(sample: Path) -> None:
    found = {name: hashlib.sha256((sample / name).read_bytes()).hexdigest() for name in DOCUMENTS}

    assert found == DOCUMENTS


def test_a_seed_gives_the_same_files(sample: Path, tmp_path: Path) -> None:
    write_captioned_images(tmp_path, seed=1, train=90, validation=12)

    for path in sample.iterdir():
        assert (tmp_path / path.name).read_bytes() == path.read_bytes()


def test_the_names_of_the_raw_data_are_told(tmp_path: Path) -> None:
    files = write_captioned_images(tmp_path / "new", seed=2, train=1, validation=1)

    assert files == {
        "train.captions": "train.captions.json",
        "train.images": "train.images.zip",
        "validation.captions": "validation.captions.json",
        "validation.images": "validation.images.zip",
    }
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == sorted(files.values())


def test_another_seed_gives_other_captions(sample: Path, tmp_path: Path) -> None:
    write_captioned_images(tmp_path, seed=2, train=12, validation=12)

    assert usable(read_json(tmp_path, "validation")) != usable(read_json(sample, "validation"))


def test_the_published_ids_and_names_begin_alike(sample: Path) -> None:
    train, validation = read_json(sample, "train"), read_json(sample, "validation")

    assert train["images"][3] == {
        "file_name": "VizWiz_train_00000003.jpg",
        "vizwiz_url": "",
        "id": 3,
        "text_detected": False,
    }
    assert sorted(train["annotations"][7]) == sorted(
        ["caption", "id", "image_id", "is_precanned", "is_rejected", "text_detected"]
    )
    assert [annotation["id"] for annotation in train["annotations"]] == list(range(450))
    assert [image["id"] for image in validation["images"]] == list(range(23431, 23443))
    assert validation["annotations"][0]["id"] == 117155
    assert list(pictures(sample, "validation"))[1] == "val/VizWiz_val_00000001.jpg"


def test_every_image_has_a_file_and_five_captions_of_which_some_are_usable(sample: Path) -> None:
    document = read_json(sample, "train")
    of_image = [annotation["image_id"] for annotation in document["annotations"]]

    assert list(pictures(sample, "train")) == [f"train/{image['file_name']}" for image in document["images"]]
    assert of_image == [image for image in range(90) for _ in range(5)]
    assert sorted(set(range(90)) - set(usable(document))) == [4, 44, 84]
    assert min(len(captions) for captions in usable(document).values()) >= 2


def test_some_captions_are_rejected_precanned_or_broken(sample: Path) -> None:
    annotations = read_json(sample, "train")["annotations"]
    precanned = [annotation["caption"] for annotation in annotations if annotation["is_precanned"]]
    rejected = [annotation["caption"] for annotation in annotations if annotation["is_rejected"]]

    assert set(precanned) == {PRECANNED}
    assert len(precanned) > 15
    assert set(rejected) == {"nice", "i dont know", "see above"}
    assert sum("\r\n" in annotation["caption"] for annotation in annotations) >= 2
    assert sum(annotation["text_detected"] for annotation in annotations) > 50


def test_the_words_are_those_of_the_usable_captions(tmp_path: Path) -> None:
    write_captioned_images(tmp_path, seed=1, train=400, validation=1)
    said = [text for texts in usable(read_json(tmp_path, "train")).values() for text in texts]

    assert sample_words() == sorted({word for text in said for word in text.replace(".", " .").split()})
    assert len(sample_words()) == 28
    assert max(len(text.replace(".", " .").split()) for text in said) == 17


def test_pictures_of_one_size_lie_turned_in_some_files(sample: Path) -> None:
    found = pictures(sample, "train").values()

    assert {picture.format for picture in found} == {"JPEG"}
    assert {picture.getexif()[0x0112] for picture in found} == {1, 3, 6, 8}
    assert {pixels(picture).shape for picture in found} == {(240, 320, 3)}
    assert {picture.size for picture in found} == {(320, 240), (240, 320)}


def test_a_picture_shows_what_its_captions_say(sample: Path) -> None:
    paints = {"red": (200, 30, 40), "green": (30, 140, 50), "blue": (40, 70, 200), "yellow": (230, 200, 40)}
    document, seen = read_json(sample, "train"), list(pictures(sample, "train").values())
    for image, texts in usable(document).items():
        colors = [word for word in texts[0].split() if word in paints]
        colors = colors[::-1] if "right" in texts[0] else colors
        shown = pixels(seen[image])
        middles = [80, 240] if len(colors) == 2 else [160]
        found = [shown[120, middle] for middle in middles]
        assert [min(paints, key=lambda name, at=at: abs(at - paints[name]).sum()) for at in found] == colors


@pytest.mark.parametrize(("shape", "share"), [("circle", 0.785), ("square", 1.0), ("triangle", 0.5), ("cross", 0.556)])
def test_shapes_differ_in_what_they_cover(shape: str, share: float) -> None:
    picture = draw_picture(Random(1), ShapeScene((Thing("red", shape),), "white table", has_text=False))

    red = np.asarray(picture)[:, :, 1] < 100
    box = np.ptp(np.flatnonzero(red.any(axis=0))) * np.ptp(np.flatnonzero(red.any(axis=1)))

    assert red.sum() / box == pytest.approx(share, abs=0.03)


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_a_turned_file_is_turned_back_by_its_orientation(orientation: int) -> None:
    picture = draw_picture(
        Random(1), ShapeScene((Thing("red", "triangle"), Thing("blue", "cross")), "gray floor", True)
    )

    stored = Image.open(io.BytesIO(jpeg_file(picture, orientation)))

    assert abs(pixels(stored) - np.asarray(picture, dtype=int)).mean() < 2


def test_a_dark_picture_shows_nothing(sample: Path) -> None:
    seen = list(pictures(sample, "train").values())

    assert pixels(seen[44]).max() < 32
    assert pixels(seen[43]).max() > 150
