"""What a git clone without Git LFS leaves in place of a large file."""

from pathlib import Path

from podtune.errors import BadInput

_POINTER = b"version https://git-lfs"


def refuse_pointer(path: Path, shown: object) -> None:
    """BadInput where a file, which complaints call `shown`, is a pointer to what it should be."""
    with path.open("rb") as stream:
        beginning = stream.read(len(_POINTER))
    if beginning == _POINTER:
        raise BadInput(f"{shown} is a Git LFS pointer, not the file itself; fetch it with `git lfs pull`")
