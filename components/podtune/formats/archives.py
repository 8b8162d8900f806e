"""Zips and tars of strangers: their members by path, safe to read, and nothing unpacked but tars that are packed."""

import bz2
import contextlib
import gzip
import lzma
import os
import stat
import struct
import tarfile
import tempfile
import unicodedata
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Callable, Dict, Iterator, List, Mapping, NamedTuple, Optional

from podtune.errors import BadInput, bad_input
from podtune.formats.bad_rows import BadRows
from podtune.formats.raw_data import DataFile

ENDINGS = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
"""What an archive's name ends with, in lower case."""

_DAMAGED = (
    *(zipfile.BadZipFile, gzip.BadGzipFile, zlib.error, lzma.LZMAError, struct.error, EOFError),
    *(RuntimeError, ValueError, LookupError, OverflowError, MemoryError),  # NotImplementedError is a RuntimeError
)
"""What is raised for a member that is not what was packed; that a disk cannot be read is another matter."""

_ZIP, _GZIP = (b"PK\x03\x04", b"PK\x05\x06"), b"\x1f\x8b"
_PACKERS: Mapping[bytes, Callable[[Path], IO[bytes]]] = {
    _GZIP: gzip.open,  # type: ignore[dict-item]  # its modes are overloads
    b"BZh": bz2.open,
    b"\xfd7zXZ\0": lzma.open,
}
_ZSTANDARD = b"\x28\xb5\x2f\xfd"

_TAR = slice(257, 262), b"ustar"
"""Where a tar says that it is one; the oldest do not."""

_IS_UTF8 = 0x800
"""The flag of a zip's member that says how its name is written; without it zipfile takes cp437."""

_TWICE = "is there twice with other content; keep one"
_BLOCK = 1 << 20
_ALWAYS_UNPACKED, _MOST_UNPACKED = 1 << 30, 100
"""Bytes, and times a packed tar's own, beyond which it is taken for an attack: pictures hardly shrink."""


@dataclass(frozen=True)
class Archive:
    """An open zip or tar."""

    members: Dict[str, int]
    """Each file's path, as whoever packed it meant it, to its bytes once unpacked."""

    read: Callable[[str], bytes]
    """One file's content by its path; several threads may call it."""


@dataclass(frozen=True)
class Zip(Archive):
    """An open zip, whose members may also be read piece by piece."""

    open: Callable[[str], IO[bytes]]


def composed(name: str) -> str:
    """A name with its accents as parts of letters; macOS and others write them as letters of their own."""
    return unicodedata.normalize("NFC", name)


def is_zip(path: Path) -> bool:
    """Whether a file begins as zips do."""
    return _beginning(path)[:4] in _ZIP


def is_packed_by_gzip(path: Path) -> bool:
    """Whether a file begins as gzip's do."""
    return _beginning(path).startswith(_GZIP)


@contextlib.contextmanager
def open_archive(file: DataFile, largest: Optional[int]) -> Iterator[Archive]:
    """List an archive's files; BadInput for what is none, and for one that is damaged or not safe.

    No member may have more bytes than `largest`. A packed tar is unpacked into a temporary file, in one go.
    """
    beginning = _beginning(file.path)
    if beginning.startswith(_ZSTANDARD):
        raise BadInput(f"{file} is packed by Zstandard; give a .tar, a .tar.gz or a .zip")
    unpack = next((opened for magic, opened in _PACKERS.items() if beginning.startswith(magic)), None)
    place, name = _TAR
    if unpack:
        with tempfile.TemporaryFile() as unpacked:
            _unpack(file, unpack, unpacked)
            yield _open_tar(file, unpacked, largest)
    elif beginning[place] == name:
        with file.path.open("rb") as opened:
            yield _open_tar(file, opened, largest)
    else:
        with open_zip(file, largest) as archive:
            yield archive


@contextlib.contextmanager
def open_zip(file: DataFile, largest: Optional[int]) -> Iterator[Zip]:
    """List a zip's files, as `open_archive` does."""
    with unpacking(f"{file} is neither a folder nor a zip or tar that can be read"):
        archive = zipfile.ZipFile(file.path)
    with archive:
        found = _safe_members(archive, file, largest)
        sizes = {path: member.file_size for path, member in found.items()}
        yield Zip(sizes, lambda path: _read_zipped(archive, found[path]), lambda path: _opened(archive, found[path]))


@contextlib.contextmanager
def unpacking(complaint: str) -> Iterator[None]:
    """Turn what libraries raise for a damaged archive into BadInput; a disk that is away or full is another matter."""
    with bad_input(complaint, *_DAMAGED):
        yield


def _opened(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> IO[bytes]:
    with unpacking(f"{member.filename} in {archive.filename} cannot be unpacked"):
        return archive.open(member)


def _read_zipped(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    with unpacking(""):
        return archive.read(member)


def _beginning(path: Path) -> bytes:
    with path.open("rb") as opened:
        return opened.read(512)


def _safe_members(archive: zipfile.ZipFile, root: DataFile, largest: Optional[int]) -> Dict[str, zipfile.ZipInfo]:
    """Return a zip's files by path; BadInput names the unsafe members."""
    found: Dict[str, zipfile.ZipInfo] = {}
    bad_rows = BadRows(root)
    for member in archive.infolist():
        path, *others = _paths_of(member)
        earlier = found.get(path)
        repeated = earlier is not None and (earlier.CRC, earlier.file_size) != (member.CRC, member.file_size)
        mistake = _mistake(path, _kind_of_zipped(member), member.file_size, largest) or (_TWICE if repeated else "")
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
    return [composed(name.replace("\\", "/")) for name in names]


def _kind_of_zipped(member: zipfile.ZipInfo) -> str:
    """Say why a zip's member cannot be read; empty where it can."""
    if stat.S_ISLNK(member.external_attr >> 16):
        return "is a link; members must be files"
    if member.flag_bits & 1:
        return "is encrypted; members must be readable without a password"
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return f"is compressed by method {member.compress_type}; members must be stored or deflated"
    return ""


def _mistake(path: str, kind: str, size: int, largest: Optional[int]) -> str:
    """Say why a member is not safe, or, by its `kind`, cannot be read."""
    parts = path.split("/")
    if path.startswith("/") or ".." in parts or "\0" in path or ":" in parts[0]:
        return "leads out of the archive; names must be relative, without '..'"
    if not kind and largest is not None and size > largest:
        return f"unpacks to {size:,} bytes; an image has at most {largest:,}"
    return kind


class _Place(NamedTuple):
    """Where a member's content lies in a tar."""

    offset: int
    size: int


def _unpack(file: DataFile, unpack: Callable[[Path], IO[bytes]], target: IO[bytes]) -> None:
    most = max(_ALWAYS_UNPACKED, file.path.stat().st_size * _MOST_UNPACKED)
    with unpacking(f"{file} is damaged or cut off"), unpack(file.path) as packed:
        for block in iter(lambda: packed.read(_BLOCK), b""):
            target.write(block)
            if target.tell() > most:
                raise BadInput(f"{file} unpacks to more than {most:,} bytes, more than pictures do")
        target.flush()


def _open_tar(file: DataFile, opened: IO[bytes], largest: Optional[int]) -> Archive:
    places = _members_of_tar(file, opened, largest)
    return Archive({path: place.size for path, place in places.items()}, lambda path: _read_place(opened, places[path]))


def _read_place(opened: IO[bytes], place: _Place) -> bytes:
    return os.pread(opened.fileno(), place.size, place.offset)


def _members_of_tar(file: DataFile, opened: IO[bytes], largest: Optional[int]) -> Dict[str, _Place]:
    """Return a tar's files by path; BadInput names the unsafe members."""
    found: Dict[str, _Place] = {}
    bad_rows = BadRows(file)
    for member in _headers(file, opened):
        path = _path_in_tar(member.name)
        place, earlier = _Place(member.offset_data, member.size), found.get(path)
        mistake = _mistake(path, _kind_in_tar(member), member.size, largest)
        if not mistake and earlier and _read_place(opened, earlier) != _read_place(opened, place):
            mistake = _TWICE
        if mistake:
            bad_rows.add(f"{file}: the member {member.name!r} {mistake}")
        elif member.isreg():
            found[path] = place
    bad_rows.stop()
    return found


def _headers(file: DataFile, opened: IO[bytes]) -> List[Any]:
    """The headers of a tar's members; BadInput where one is damaged, at which tarfile would silently stop."""
    opened.seek(0)
    try:
        archive = tarfile.open(fileobj=opened, mode="r:", encoding="utf-8")  # noqa: SIM115  # others close its file
        headers = archive.getmembers()
    except (tarfile.TarError, EOFError, ValueError, OverflowError) as error:
        raise BadInput(f"{file} is a tar that is damaged or cut off: {' '.join(str(error).split())}") from error
    opened.seek(archive.offset)
    if opened.read(tarfile.BLOCKSIZE).strip(b"\0"):
        last = f"behind {headers[-1].name!r}" if headers else "at its beginning"
        raise BadInput(f"{file} is a tar that is damaged {last}; fetch it again")
    return headers


def _path_in_tar(name: str) -> str:
    """A member's path without the ./ that tars begin with; bytes that are no UTF-8 are taken for Windows' letters."""
    written = name.encode("utf-8", "surrogateescape")
    try:
        path = written.decode("utf-8")
    except UnicodeError:
        path = written.decode("cp1252", errors="replace")
    return composed("/".join(part for part in path.split("/") if part != ".") if path.strip("./") else path)


def _kind_in_tar(member: Any) -> str:
    if member.issym() or member.islnk():
        return "is a link; members must be files"
    if member.issparse():
        return "is a sparse file; pack it without that"
    return "" if member.isreg() or member.isdir() else "is no file but a device or a pipe"
