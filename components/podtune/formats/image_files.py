"""The image files of a split, in a folder or a zip, which is never unpacked."""

import contextlib
import stat
import struct
import unicodedata
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Callable, Dict, Iterable, Iterator, List

from podtune.errors import BadInput, from_os_error
from podtune.formats.bad_rows import BadRows
from podtune.formats.raw_data import DataFile

PICTURES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".avif", ".jp2", ".ppm", ".heic")
"""What the name of a picture's file ends with, in lower case."""

_LEFT_BY_SYSTEMS = ("__MACOSX", "Thumbs.db", "desktop.ini")
"""Beside hidden files."""

_IS_UTF8 = 0x800
"""The flag of a zip's member that says how its name is written; without it zipfile takes cp437."""

LARGEST_FILE = 64 << 20
"""Bytes of an image file; a larger member is taken for an attack."""

_DAMAGES = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    OSError,
    RuntimeError,  # and NotImplementedError, of a kind or version of packing that zipfile does not know
    ValueError,
    LookupError,
    OverflowError,
    MemoryError,
)
"""What zipfile raises for a zip that is not what was packed."""


@dataclass(frozen=True)
class ImageFiles:
    """Image files by name."""

    root: DataFile
    """The folder or zip."""

    paths: Dict[str, List[str]]
    """File name to the paths, relative to the root, that end with it."""

    read: Callable[[str], bytes]
    """One file's content by its path, or BadInput with the reason; several threads may call it."""

    def find(self, name: str) -> str:
        """Return the path of a named file; BadInput unless there is exactly one.

        A name is the same whether its accents are letters of their own or not, which macOS and others do differently.
        """
        asked, name = name, _composed(name)
        wanted = PurePosixPath(name)
        found = self.paths.get(wanted.name, [])
        exact = [path for path in found if path == name]
        matching = exact or [path for path in found if PurePosixPath(path).parts[-len(wanted.parts) :] == wanted.parts]
        if not matching:
            raise BadInput(f"{self.root} has no file {asked!r}, which the caption file names")
        if len(matching) > 1:
            raise BadInput(f"{self.root} has {len(matching)} files {name!r}: {', '.join(matching[:3])}; keep one")
        return matching[0]


@contextlib.contextmanager
def open_image_files(root: DataFile) -> Iterator[ImageFiles]:
    """List a folder's or a zip's files; BadInput for what is neither, and for a zip that is not safe."""
    if root.path.is_dir():
        paths = sorted(path.relative_to(root.path).as_posix() for path in root.path.rglob("*") if path.is_file())
        called = {_composed(path): path for path in paths}
        yield ImageFiles(root, _by_name(called), lambda path: _read_file(root, called[path]))
        return
    if not root.path.exists():
        raise BadInput(f"{root} does not exist; it should be a folder or a zip of images")
    with _unzipping(f"{root} is neither a folder nor a zip that can be read: "):
        archive = zipfile.ZipFile(root.path)
    with archive:
        members = _safe_members(archive, root)
        yield ImageFiles(root, _by_name(members), lambda path: _read_member(archive, members[path]))


@contextlib.contextmanager
def _unzipping(complaint: str) -> Iterator[None]:
    """Turn what zipfile raises for a damaged zip into BadInput; a disk that is away is another matter."""
    try:
        yield
    except _DAMAGES as error:
        passing = from_os_error(error) if isinstance(error, OSError) else None
        raise passing or BadInput(complaint + (" ".join(str(error).split()) or type(error).__name__)) from error


def _read_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    with _unzipping(""):
        return archive.read(member)


def _by_name(paths: Iterable[str]) -> Dict[str, List[str]]:
    """File name to paths; what systems leave beside pictures is no file of anybody's."""
    names: Dict[str, List[str]] = {}
    for path in paths:
        parts = PurePosixPath(path).parts
        if not any(part.startswith(".") or part in _LEFT_BY_SYSTEMS for part in parts):
            names.setdefault(parts[-1], []).append(path)
    return names


def _composed(name: str) -> str:
    return unicodedata.normalize("NFC", name)


def _read_file(root: DataFile, path: str) -> bytes:
    file = root.path / path
    if file.stat().st_size > LARGEST_FILE:
        raise BadInput(f"{root}/{path} has {file.stat().st_size:,} bytes; an image has at most {LARGEST_FILE:,}")
    return file.read_bytes()


def _safe_members(archive: zipfile.ZipFile, root: DataFile) -> Dict[str, zipfile.ZipInfo]:
    """Return a zip's files by path; BadInput names the unsafe members."""
    found: Dict[str, zipfile.ZipInfo] = {}
    bad_rows = BadRows(root)
    for member in archive.infolist():
        path, *others = _paths_of(member)
        earlier = found.get(path)
        repeated = earlier is not None and (earlier.CRC, earlier.file_size) != (member.CRC, member.file_size)
        mistake = _mistake(member, path) or ("is there twice with other content; keep one" if repeated else "")
        if mistake:
            bad_rows.add(f"{root}: the member {member.orig_filename!r} {mistake}")
        elif not path.endswith("/"):
            found[path] = member
            for other in others:
                found.setdefault(other, member)
    bad_rows.stop()
    return found


def _paths_of(member: zipfile.ZipInfo) -> List[str]:
    """A member's path as whoever packed it meant it: Windows has backslashes, and few programs flag their UTF-8.

    Letters that are neither ASCII nor UTF-8 may be of one code page or another, so that both are its names.
    """
    names = [member.orig_filename]
    if not member.flag_bits & _IS_UTF8 and not names[0].isascii():
        written = names[0].encode("cp437")
        try:
            names = [written.decode("utf-8")]
        except UnicodeError:
            names.append(written.decode("cp1252", errors="replace"))
    return [_composed(name.replace("\\", "/")) for name in names]


def _mistake(member: zipfile.ZipInfo, name: str) -> str:
    parts = name.split("/")
    if name.startswith("/") or ".." in parts or "\0" in name or ":" in parts[0]:
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
