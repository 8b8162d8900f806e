"""What is found in place of a file: a pointer that a git clone without Git LFS leaves, or a server's page."""

from pathlib import Path

from podtune.errors import BadInput

_POINTER = b"version https://git-lfs"
_PAGES = (b"<!doctype html", b"<html")
_XML, _ERROR = b"<?xml", b"<error>"
"""What an object store says instead of a file."""


def stand_in(content: bytes) -> str:
    """What a file that begins like this is instead of itself; empty where it may be the file."""
    if content.startswith(_POINTER):
        return "is a Git LFS pointer, not the file itself; fetch it with `git lfs pull`"
    text = content[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith(_PAGES) or (text.startswith(_XML) and _ERROR in text):
        return "is a web page, such as a refusal, not the file itself; fetch the file again"
    return ""


def refuse_stand_in(path: Path, shown: object) -> None:
    """BadInput where a file, which complaints call `shown`, only stands in for what it should be."""
    with path.open("rb") as stream:
        instead = stand_in(stream.read(512))
    if instead:
        raise BadInput(f"{shown} {instead}")
