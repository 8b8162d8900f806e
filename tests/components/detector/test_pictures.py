import io
from typing import Any, Callable, Tuple

import numpy as np
import pytest
import torch
from PIL import Image
from podtune.detector.detector import seen_pixels
from podtune.detector.pictures import open_picture, regions_drawn, seen_size
from podtune.detector.settings import DetectorConfig
from podtune.errors import BadInput
from torch.nn import functional

DrawFile = Callable[..., bytes]
Draw = Callable[..., Image.Image]
GREY = (200, 200, 200)
RED = (0xD6, 0x27, 0x28)
BLUE = (0x1F, 0x77, 0xB4)
BOXES = np.array([[0.25, 0.5, 0.5, 0.75], [0.25, 0.25, 0.75, 0.5]], dtype=np.float32)


def file_of(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF"])
def test_known_kinds_are_decoded(picture_file: DrawFile, kind: str) -> None:
    picture = open_picture(picture_file(32, 24, kind=kind), "photo")

    assert (picture.mode, picture.size) == ("RGB", (32, 24))


@pytest.mark.parametrize(("mode", "color"), [("L", 7), ("LA", (7, 0)), ("RGBA", (7, 7, 7, 0)), ("I;16", 7 * 256 + 5)])
def test_other_pixels_become_colours(mode: str, color: Any) -> None:
    picture = open_picture(file_of(Image.new(mode, (4, 4), color)), "photo")

    assert picture.getpixel((0, 0)) == (7, 7, 7)


def test_pictures_are_turned_upright() -> None:
    image = Image.new("RGB", (30, 20))
    image.putpixel((0, 0), (255, 0, 0))
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: what is stored on the left is above

    picture = open_picture(file_of(image, exif=exif), "photo")

    assert picture.size == (20, 30)
    assert picture.getpixel((19, 0)) == (255, 0, 0)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"no picture", "cannot be decoded: it is no image"),
        (b"", "cannot be decoded: it is no image"),
        (file_of(Image.new("RGB", (40, 40)), "JPEG")[:-9], "cannot be decoded: image file is truncated"),
        (file_of(Image.new("F", (4, 4)), "TIFF"), "cannot be decoded: its pixels are numbers of an unknown range"),
        (
            file_of(Image.new("L", (101, 2))),
            "is 101 pixels wide and 2 high; no side may be more than 50 times the other",
        ),
        (
            file_of(Image.new("1", (9000, 9900))),
            "cannot be decoded: it has 9000 x 9900 pixels, more than 89,000,000",
        ),
    ],
    ids=["text", "empty", "cut", "floats", "thin", "huge"],
)
def test_what_is_wrong_with_a_picture_is_said(content: bytes, message: str) -> None:
    with pytest.raises(BadInput) as caught:
        open_picture(content, "photo.jpg")

    assert str(caught.value).startswith(f"the picture photo.jpg {message}")


@pytest.mark.parametrize(
    ("size", "seen"),
    [
        ((640, 480), (1067, 800)),
        ((480, 640), (800, 1067)),
        ((500, 500), (800, 800)),
        ((1000, 300), (1333, 400)),
        ((4000, 3000), (1067, 800)),
        ((100, 2), (1333, 27)),
    ],
)
def test_the_shorter_side_is_800_unless_the_longer_reaches_1333(size: Tuple[int, int], seen: Any) -> None:
    assert seen_size(*size, DetectorConfig()) == seen


def test_pixels_are_blue_green_red_without_their_means() -> None:
    picture = Image.new("RGB", (2, 2), (10, 20, 30))

    pixels = seen_pixels(picture, DetectorConfig(shorter_side=16, longest_side=16), torch.device("cpu"))

    assert pixels.shape == (1, 3, 16, 16)
    assert pixels[0, :, 5, 5].tolist() == pytest.approx([30 - 102.9801, 20 - 115.9465, 10 - 122.7717], abs=1e-4)


def test_pictures_are_enlarged_as_the_published_program_enlarges_them(picture: Draw) -> None:
    small = picture(40, 30)
    means = torch.tensor([102.9801, 115.9465, 122.7717])[:, None, None]
    colors = torch.from_numpy(np.array(small)).permute(2, 0, 1).flip(0).float() - means

    pixels = seen_pixels(small, DetectorConfig(shorter_side=64, longest_side=96), torch.device("cpu"))

    expected = functional.interpolate(colors[None], (64, 85), mode="bilinear", align_corners=False)
    assert (pixels - expected).abs().max() < 0.01


def test_pictures_are_made_smaller_without_losing_lines() -> None:
    """Every eighth row is white: what a network sees of it is an even grey."""
    stripes = np.zeros((512, 512, 3), dtype=np.uint8)
    stripes[::8] = 255

    config = DetectorConfig(shorter_side=64, longest_side=64, pixel_means=(0.0, 0.0, 0.0))
    pixels = seen_pixels(Image.fromarray(stripes), config, torch.device("cpu"))

    assert (pixels - 255 / 8).abs().max() < 12  # of 255; without care some rows are black and some half white


def test_each_region_has_a_frame_in_its_color() -> None:
    drawn = regions_drawn(Image.new("RGB", (400, 200), GREY), BOXES, ["1", "2"])

    assert drawn.getpixel((150, 150)) == RED  # on the lower edge of the first
    assert drawn.getpixel((300, 70)) == BLUE  # on the right edge of the second
    assert drawn.getpixel((150, 130)) == GREY


def test_the_first_region_lies_on_top() -> None:
    drawn = regions_drawn(Image.new("RGB", (400, 200), GREY), BOXES, ["1", "2"])

    assert drawn.getpixel((180, 100)) == RED  # the upper edge of the first is the lower edge of the second


def test_the_picture_itself_stays_as_it_is() -> None:
    picture = Image.new("RGB", (400, 200), GREY)

    regions_drawn(picture, BOXES, ["1", "2"])

    assert picture.getcolors() == [(80_000, GREY)]


def test_labels_stay_within_the_picture() -> None:
    """A box in the lower right corner has its label beside it, in full."""
    corner = np.array([[0.99, 0.99, 1, 1]], dtype=np.float32)

    drawn = regions_drawn(Image.new("RGB", (400, 200), GREY), corner, ["36 traffic light"])

    background = np.argwhere((np.asarray(drawn) == RED).all(2))
    assert background[:, 1].max() - background[:, 1].min() > 60
    assert (np.asarray(drawn) > 230).all(2).any()  # of the letters
