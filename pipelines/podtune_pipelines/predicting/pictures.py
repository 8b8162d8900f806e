"""Picture files of a user."""

from pathlib import Path

from PIL import Image
from podtune.detector.pictures import open_picture
from podtune.errors import BadInput


def read_picture(path: Path) -> bytes:
    """A picture file's content; BadInput where it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadInput(f"cannot read the picture {path}: {error.strerror}") from error


def open_picture_file(path: Path) -> Image.Image:
    """A picture upright and in RGB; BadInput where the file is none, or damaged."""
    return open_picture(read_picture(path), str(path))


def require_picture_name(path: Path) -> None:
    """BadInput for a file whose name ends as no picture's."""
    if path.suffix.lower() not in (".png", ".jpg", ".jpeg"):
        raise BadInput(f"cannot draw into {path}; its name must end with .png or .jpg")


def save_picture(picture: Image.Image, path: Path) -> None:
    """Write a picture in the format that its file's name ends with."""
    try:
        picture.save(path)
    except OSError as error:
        raise BadInput(f"cannot draw into {path}: {error.strerror or error}") from error
