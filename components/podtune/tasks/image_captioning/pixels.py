"""Image files to pixels of one size, decoded by several threads and written once."""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import BinaryIO, List, Optional, Sequence

import numpy as np
from PIL import Image

from podtune.cores import cores
from podtune.errors import BadInput
from podtune.formats.image_files import ImageFiles
from podtune.formats.pictures import DamagedPicture, open_picture
from podtune.formats.ragged import Array
from podtune.progress import progress_bar

_BATCH = 256
"""Images decoded before they are written: 38 MB."""


@dataclass(frozen=True)
class DecodedImage:
    """What became of one image file."""

    sha256: str
    """Of its content; empty where even that cannot be read."""

    pixels: Optional[Array]
    """uint8 [size, size, 3]; None where the file is damaged."""

    damage: str
    """Why there are no pixels."""

    digest: bytes = b""
    """Of the pixels, eight bytes: two files of one picture have the same where they only hold it otherwise."""


def store_pixels(target: Path, files: ImageFiles, paths: Sequence[str], size: int) -> List[DecodedImage]:
    """Write the images that can be decoded as uint8 .npy [images, size, size, 3]; say of each what became of it."""
    decode = partial(_decode_file, files, size=size)
    results: List[DecodedImage] = []
    with target.open("wb") as stream, _pool() as pool, progress_bar(len(paths), "image", "decoding images") as bar:
        _write_header(stream, (len(paths), size, size, 3))
        for start in range(0, len(paths), _BATCH):
            for decoded in pool.map(decode, paths[start : start + _BATCH]):
                if decoded.pixels is not None:
                    stream.write(decoded.pixels.tobytes())
                results.append(replace(decoded, pixels=None))
                bar.update(1)
        stream.seek(0)  # numpy leaves room in the header for any number of rows
        _write_header(stream, (sum(not one.damage for one in results), size, size, 3))
    return results


def decode_image(content: bytes, size: int) -> Array:
    """Decode and resize as ViT's processor does: bilinear, without keeping the proportions; uint8 [size, size, 3].

    DamagedPicture where it cannot be decoded.
    """
    picture = open_picture(content)
    return np.asarray(picture.resize((size, size), Image.Resampling.BILINEAR))


def _decode_file(files: ImageFiles, path: str, *, size: int) -> DecodedImage:
    try:
        content = files.read(path)
    except BadInput as error:
        return DecodedImage("", None, str(error))
    sha256 = hashlib.sha256(content).hexdigest()
    try:
        pixels = decode_image(content, size)
        return DecodedImage(sha256, pixels, "", hashlib.blake2b(pixels.tobytes(), digest_size=8).digest())
    except DamagedPicture as damage:
        return DecodedImage(sha256, None, str(damage))


def _pool() -> ThreadPoolExecutor:
    """Threads, because Pillow releases the interpreter's lock while it decodes and resizes."""
    return ThreadPoolExecutor(cores())


def _write_header(stream: BinaryIO, shape: Sequence[int]) -> None:
    fields = {"descr": "|u1", "fortran_order": False, "shape": tuple(shape)}
    np.lib.format.write_array_header_1_0(stream, fields)
