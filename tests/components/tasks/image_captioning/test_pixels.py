import hashlib
import zipfile
import zlib
from pathlib import Path
from typing import Any, Dict, List

import numpy as np
import pytest
from PIL import Image
from podtune.formats.image_files import open_image_files
from podtune.formats.raw_data import DataFile
from podtune.formats.stand_ins import stand_in
from podtune.tasks.image_captioning.pixels import DecodedImage, decode_image, store_pixels

# Four corners of 16 x 16 pixels: red, green; blue, white.
CORNERS = np.kron(
    np.array([[[255, 0, 0], [0, 255, 0]], [[0, 0, 255], [255, 255, 255]]], dtype=np.uint8),
    np.ones((16, 16, 1), dtype=np.uint8),
)
RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


def photo(width: int = 64, height: int = 48) -> Any:
    """Smooth waves and some noise, like a photograph."""
    y, x = np.mgrid[0:height, 0:width]
    waves = np.stack([np.sin(x / 9 + y / 7), np.cos(x / 5), np.sin(y / 4)], axis=-1)
    return (127 + 90 * waves + np.random.default_rng(1).integers(0, 30, waves.shape)).astype(np.uint8)


def corners(content: bytes) -> List[Any]:
    pixels = decode_image(content, 32)
    return [tuple(pixels[y, x].tolist()) for y, x in ((4, 4), (4, 27), (27, 4), (27, 27))]


def store(tmp_path: Path, files: Dict[str, bytes], names: List[str], size: int = 32) -> List[DecodedImage]:
    with zipfile.ZipFile(tmp_path / "images.zip", "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    with open_image_files(DataFile(tmp_path / "images.zip")) as opened:
        return store_pixels(tmp_path / "images.npy", opened, names, size)


def test_an_image_is_resized_as_vits_processor_does(image_file: Any) -> None:
    pixels = decode_image(image_file(photo()), 32)

    # What ViTImageProcessor of transformers 5.23 makes of the same file.
    assert (
        hashlib.sha256(pixels.tobytes()).hexdigest()
        == "bd691d86dc45b617cb4525248738a07507267b5a15be2dcf736f995ca7bf9443"
    )
    assert pixels[3, ::8].tolist() == [[200, 229, 226], [189, 54, 228], [57, 224, 224], [128, 54, 221]]


@pytest.mark.parametrize(
    ("orientation", "shown"),
    [
        (1, [RED, GREEN, BLUE, WHITE]),
        (2, [GREEN, RED, WHITE, BLUE]),
        (3, [WHITE, BLUE, GREEN, RED]),
        (4, [BLUE, WHITE, RED, GREEN]),
        (5, [RED, BLUE, GREEN, WHITE]),
        (6, [BLUE, RED, WHITE, GREEN]),
        (7, [WHITE, GREEN, BLUE, RED]),
        (8, [GREEN, WHITE, RED, BLUE]),
        (9, [RED, GREEN, BLUE, WHITE]),
    ],
)
def test_an_image_is_turned_upright(image_file: Any, orientation: int, shown: Any) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation

    assert corners(image_file(CORNERS, exif=exif)) == shown


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "BMP", "TIFF"])
def test_formats_without_loss_give_the_same(image_file: Any, kind: str) -> None:
    options = {"lossless": True} if kind == "WEBP" else {}

    assert corners(image_file(CORNERS, kind, **options)) == [RED, GREEN, BLUE, WHITE]


def test_the_first_frame_of_a_moving_picture_counts(image_file: Any) -> None:
    other = Image.fromarray(np.zeros_like(CORNERS))

    assert corners(image_file(CORNERS, "GIF", save_all=True, append_images=[other])) == [RED, GREEN, BLUE, WHITE]


@pytest.mark.parametrize("mode", ["RGB", "CMYK", "YCbCr", "L", "1"])
def test_every_mode_becomes_red_green_and_blue(image_file: Any, mode: str) -> None:
    gray = Image.new("RGB", (20, 30), (255, 255, 255)).convert(mode)

    pixels = decode_image(image_file(gray, "TIFF"), 32)

    assert pixels.shape == (32, 32, 3)
    assert pixels.dtype == np.uint8
    assert pixels.min() >= 254


def test_a_palette_is_resolved_and_transparency_shows_the_hidden_colour(image_file: Any) -> None:
    colors = Image.fromarray(CORNERS).quantize(4)
    translucent = Image.fromarray(np.dstack([CORNERS, np.full((32, 32), 7, dtype=np.uint8)]))

    assert corners(image_file(colors)) == [RED, GREEN, BLUE, WHITE]
    assert corners(image_file(colors, transparency=bytes([0, 9, 255]))) == [RED, GREEN, BLUE, WHITE]
    assert corners(image_file(translucent)) == [RED, GREEN, BLUE, WHITE]


def test_gray_in_16_bits_keeps_its_brightness(image_file: Any) -> None:
    gray = np.full((20, 30), 0x8040, dtype=np.uint16)

    assert decode_image(image_file(gray), 32).tolist() == np.full((32, 32, 3), 0x80).tolist()


def test_images_are_stored_in_the_order_of_their_names(tmp_path: Path, plain_image: Any) -> None:
    files = {"a.png": plain_image(1, 2, 3), "b.png": plain_image(4, 5, 6, size=(50, 10))}

    found = store(tmp_path, files, ["b.png", "a.png", "b.png"])

    stored = np.load(tmp_path / "images.npy", mmap_mode="r")
    assert stored.dtype == np.uint8
    assert stored.shape == (3, 32, 32, 3)
    assert [stored[image].reshape(-1, 3).max(axis=0).tolist() for image in range(3)] == [
        [4, 5, 6],
        [1, 2, 3],
        [4, 5, 6],
    ]
    assert [one.damage for one in found] == ["", "", ""]
    assert found[0].sha256 == found[2].sha256 != found[1].sha256
    assert len(found[1].sha256) == 64


def test_more_images_than_are_decoded_at_a_time_keep_their_order(
    tmp_path: Path, plain_image: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("podtune.tasks.image_captioning.pixels._BATCH", 3)
    files = {f"{number}.png": plain_image(number, 0, 0) for number in range(8)}

    store(tmp_path, {**files, "4.png": b""}, list(files), size=16)

    assert np.load(tmp_path / "images.npy")[:, 0, 0, 0].tolist() == [0, 1, 2, 3, 5, 6, 7]


def cut(content: bytes) -> bytes:
    return content[: len(content) // 2]


def broken_check(content: bytes) -> bytes:
    """A PNG whose pixels are not those that its check sum is of."""
    place = content.index(b"IDAT") + 8
    return content[:place] + bytes([content[place] ^ 0xFF]) + content[place + 1 :]


@pytest.mark.parametrize(
    ("kind", "damage", "reason"),
    [
        ("JPEG", cut, "image file is truncated (11 bytes not processed)"),
        ("PNG", cut, "image file is truncated"),
        ("PNG", broken_check, "broken data stream when reading image file"),
        ("JPEG", lambda content: b"", "it is no image"),
        ("JPEG", lambda content: b"<html>not found</html>", f"it {stand_in(b'<html>')}"),
        ("JPEG", lambda content: b"\xff\xd8\xff" + bytes(100), "it is no image"),
        ("PCX", lambda content: content, "it is no image"),
    ],
)
def test_damaged_files_have_no_pixels_but_a_reason(
    tmp_path: Path, image_file: Any, kind: str, damage: Any, reason: str
) -> None:
    files = {"good.png": image_file(photo()), "bad": damage(image_file(photo(), kind))}

    good, bad, again = store(tmp_path, files, ["good.png", "bad", "good.png"])

    assert (good.damage, bad.damage, again.damage) == ("", reason, "")
    assert bad.pixels is None
    assert np.load(tmp_path / "images.npy").shape == (2, 32, 32, 3)


def larger(content: bytes, width: int, height: int) -> bytes:
    """A PNG file that says it has another size."""
    header = b"IHDR" + width.to_bytes(4, "big") + height.to_bytes(4, "big") + content[24:29]
    return content[:12] + header + zlib.crc32(header).to_bytes(4, "big") + content[33:]


@pytest.mark.parametrize(
    ("width", "height", "reason"),
    [
        (60_000, 1_490, "it has 60000 x 1490 pixels, more than 89,000,000"),
        (
            60_000,
            60_000,
            "Image size (3600000000 pixels) exceeds limit of 178956970 pixels, could be decompression bomb",
        ),
    ],
)
def test_an_image_that_would_fill_the_memory_is_not_decoded(
    tmp_path: Path, plain_image: Any, width: int, height: int, reason: str
) -> None:
    (found,) = store(tmp_path, {"a.png": larger(plain_image(1, 2, 3), width, height)}, ["a.png"])

    assert found.damage.startswith(reason)


def test_a_member_that_was_changed_in_the_zip_is_damaged(tmp_path: Path, plain_image: Any) -> None:
    content = plain_image(1, 2, 3)
    store(tmp_path, {"a.png": content, "b.png": plain_image(4, 5, 6)}, ["a.png"])
    path = tmp_path / "images.zip"
    path.write_bytes(path.read_bytes().replace(content[40:50], bytes(10), 1))

    with open_image_files(DataFile(path)) as files:
        changed, kept = store_pixels(tmp_path / "images.npy", files, ["a.png", "b.png"], 32)

    assert (changed.damage, kept.damage) == ("Bad CRC-32 for file 'a.png'", "")
    assert changed.sha256 == ""


def test_a_file_that_is_too_large_is_damaged(tmp_path: Path, plain_image: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("podtune.formats.image_files.LARGEST_FILE", 20)
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "a.png").write_bytes(plain_image(1, 2, 3)[:21])

    with open_image_files(DataFile(tmp_path / "images")) as files:
        (found,) = store_pixels(tmp_path / "images.npy", files, ["a.png"], 32)

    assert found.damage.endswith("images/a.png has 21 bytes; an image has at most 20")


def test_a_file_that_may_not_be_read_is_no_damaged_image(tmp_path: Path, plain_image: Any) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "a.png").write_bytes(plain_image(1, 2, 3))

    with open_image_files(DataFile(tmp_path / "images")) as files:
        (tmp_path / "images" / "a.png").unlink()
        with pytest.raises(FileNotFoundError):
            store_pixels(tmp_path / "images.npy", files, ["a.png"], 32)
