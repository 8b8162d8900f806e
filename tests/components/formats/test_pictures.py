import io
import zlib

import pytest
from PIL import Image, PngImagePlugin
from podtune.formats.pictures import DamagedPicture, open_picture

RED = (200, 10, 20)


def file_of(kind: str, **options: object) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (8, 4), RED).save(stream, kind, **options)
    return stream.getvalue()


Image.init()
KINDS = [kind for kind in ("PNG", "PPM", "BMP", "TIFF", "JPEG2000", "AVIF") if kind in Image.SAVE]


@pytest.mark.parametrize("kind", KINDS)
def test_a_picture_is_decoded(kind: str) -> None:
    picture = open_picture(file_of(kind))

    assert picture.size == (8, 4)
    assert all(abs(found - wanted) < 12 for found, wanted in zip(picture.getpixel((3, 2)), RED))


def test_notes_that_cannot_be_read_cost_no_picture() -> None:
    picture = open_picture(file_of("PNG", exif=b"garbage that is no EXIF"))

    assert picture.getpixel((0, 0)) == RED


def test_long_notes_cost_no_picture() -> None:
    notes = PngImagePlugin.PngInfo()
    notes.add_text("history", "x" * 3_000_000, zip=True)

    assert open_picture(file_of("PNG", pnginfo=notes)).getpixel((0, 0)) == RED


def test_notes_without_end_are_not_unpacked() -> None:
    packed = zlib.compress(bytes(80_000_000))
    bomb = io.BytesIO()
    PngImagePlugin.putchunk(bomb, b"zTXt", b"history\0\0" + packed)
    whole = file_of("PNG")

    with pytest.raises(DamagedPicture, match=r"(?i)decompressed data too large"):
        open_picture(whole[:33] + bomb.getvalue() + whole[33:])


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"\0\0\0\x18ftypheic\0\0\0\0", "it is a HEIC image, which is not read here; convert it to JPEG or PNG"),
        (b"{}", "it is no image"),
    ],
)
def test_what_is_not_read_is_named(content: bytes, told: str) -> None:
    with pytest.raises(DamagedPicture) as damaged:
        open_picture(content)

    assert str(damaged.value) == told
