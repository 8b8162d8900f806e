"""The image files of a split, in a folder or a zip, which is never unpacked."""

import contextlib
import stat
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Callable, Dict, Iterator, List

from podtune.errors import BadInput
from podtune.formats.bad_rows import BadRows
from podtune.formats.raw_data import DataFile

LARGEST_FILE = 64 << 20
"""Bytes of an image file; a larger member is taken for an attack."""

DAMAGED_MEMBER = (zipfile.BadZipFile, zlib.error, EOFError)
"""What zipfile raises for a member that is not what was packed; that a disk cannot be read is another matter."""


@dataclass(frozen=True)
class ImageFiles:
    """Image files by name."""

    root: DataFile
    """The folder or zip."""

    paths: Dict[str, List[str]]
    """File name to the paths, relative to the root, that end with it."""

    read: Callable[[str], bytes]
    """One file's content by its path; several threads may call it."""

    def find(self, name: str) -> str:
        """Return the path of a named file; BadInput unless there is exactly one."""
        wanted = PurePosixPath(name)
        found = self.paths.get(wanted.name, [])
        exact = [path for path in found if path == name]
        matching = exact or [path for path in found if PurePosixPath(path).parts[-len(wanted.parts) :] == wanted.parts]
        if not matching:
            raise BadInput(f"{self.root} has no file {name!r}, which the caption file names")
        if len(matching) > 1:
            raise BadInput(f"{self.root} has {len(matching)} files {name!r}: {', '.join(matching[:3])}; keep one")
        return matching[0]


@contextlib.contextmanager
def open_image_files(root: DataFile) -> Iterator[ImageFiles]:
    """List a folder's or a zip's files; BadInput for what is neither, and for a zip that is not safe."""
    if root.path.is_dir():
        paths = sorted(path.relative_to(root.path).as_posix() for path in root.path.rglob("*") if path.is_file())
        yield ImageFiles(root, _by_name(paths), lambda path: _read_file(root, path))
        return
    try:
        archive = zipfile.ZipFile(root.path)
    except FileNotFoundError as error:
        raise BadInput(f"{root} does not exist; it should be a folder or a zip of images") from error
    except zipfile.BadZipFile as error:
        raise BadInput(f"{root} is neither a folder nor a zip that can be read: {error}") from error
    with archive:
        yield ImageFiles(root, _by_name(_safe_members(archive, root)), archive.read)


def _by_name(paths: List[str]) -> Dict[str, List[str]]:
    names: Dict[str, List[str]] = {}
    for path in paths:
        names.setdefault(PurePosixPath(path).name, []).append(path)
    return names


def _read_file(root: DataFile, path: str) -> bytes:
    file = root.path / path
    if file.stat().st_size > LARGEST_FILE:
        raise BadInput(f"{root}/{path} has {file.stat().st_size:,} bytes; an image has at most {LARGEST_FILE:,}")
    return file.read_bytes()


def _safe_members(archive: zipfile.ZipFile, root: DataFile) -> List[str]:
    """Return the paths of a zip's files; BadInput names the unsafe members."""
    paths: Dict[str, None] = {}
    bad_rows = BadRows(root)
    for member in archive.infolist():
        repeated = "is there twice; it must be there once" if member.filename in paths else ""
        mistake = _mistake(member) or repeated
        if mistake:
            bad_rows.add(f"{root}: the member {member.orig_filename!r} {mistake}")
        elif not member.is_dir():
            paths[member.filename] = None
    bad_rows.stop()
    return list(paths)


def _mistake(member: zipfile.ZipInfo) -> str:
    name = member.orig_filename
    parts = name.split("/")
    if name.startswith("/") or ".." in parts or "\\" in name or "\0" in name or ":" in parts[0]:
        return "leads out of the archive; names must be relative, without '..'"
    if stat.S_ISLNK(member.external_attr >> 16):
        return "is a link; members must be files"
    if member.flag_bits & 1:
        return "is encrypted; members must be readable without a password"
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return f"is compressed by method {member.compress_type}; members must be stored or deflated"
    if member.file_size > LARGEST_FILE:
        return f"unpacks to {member.file_size:,} bytes; an image has at most {LARGEST_FILE:,}"
    return ""
