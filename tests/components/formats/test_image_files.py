import errno
import io
import struct
import tarfile
import unicodedata
import zipfile
from functools import partial
from pathlib import Path
from typing import Any, Mapping, Tuple

import pytest
from podtune.errors import BadInput, TryAgainLater
from podtune.formats import archives
from podtune.formats.image_files import open_image_files
from podtune.formats.raw_data import DataFile

LISTED = {"train/a.jpg": b"A", "train/b.jpg": b"B", "val/b.jpg": b"C", "c.jpg": b"D", "x/c.jpg": b"E"}


def zipped(files: Mapping[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return stream.getvalue()


def tarred(files: Mapping[str, bytes], mode: str = "w") -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode=mode) as archive:  # type: ignore[call-overload]  # any of its modes
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return stream.getvalue()


PACKED = {
    "zip": zipped,
    "tar": tarred,
    **{f"tar.{kind}": partial(tarred, mode=f"w:{kind}") for kind in ("gz", "bz2", "xz")},
}


@pytest.fixture(params=["folder", *PACKED])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    if request.param in PACKED:
        (tmp_path / "images").write_bytes(PACKED[request.param](LISTED))
        return tmp_path / "images"
    for name, content in LISTED.items():
        (tmp_path / "images" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "images" / name).write_bytes(content)
    return tmp_path / "images"


def zip_of(tmp_path: Path, *members: Tuple[zipfile.ZipInfo, bytes]) -> Path:
    with zipfile.ZipFile(tmp_path / "images.zip", "w") as archive:
        for member, content in members:
            archive.writestr(member, content)
    return tmp_path / "images.zip"


@pytest.mark.parametrize(
    ("name", "content"), [("a.jpg", b"A"), ("train/b.jpg", b"B"), ("val/b.jpg", b"C"), ("c.jpg", b"D")]
)
def test_a_file_is_found_by_its_name_or_by_the_end_of_its_path(place: Path, name: str, content: bytes) -> None:
    with open_image_files(DataFile(place)) as files:
        assert files.read(files.find(name)) == content


@pytest.mark.parametrize("name", ["d.jpg", "rain/a.jpg", "", "../a.jpg", "/etc/passwd", "train"])
def test_a_file_that_is_not_there_is_named(place: Path, name: str) -> None:
    with open_image_files(DataFile(place)) as files, pytest.raises(BadInput) as error:
        files.find(name)

    assert str(error.value) == f"{place} has no file {name!r}, which the caption file names"


def test_a_name_of_several_files_is_refused(place: Path) -> None:
    with open_image_files(DataFile(place)) as files, pytest.raises(BadInput) as error:
        files.find("b.jpg")

    assert str(error.value) == f"{place} has 2 files 'b.jpg': train/b.jpg, val/b.jpg; keep one"


@pytest.mark.parametrize(
    "name", ["../a.jpg", "a/../../b.jpg", "/etc/a.jpg", "..", "a\\..\\b.jpg", "C:/a.jpg", "a.jpg\0.txt"]
)
def test_a_member_that_leads_out_of_the_archive_is_refused(tmp_path: Path, name: str) -> None:
    member = zipfile.ZipInfo("X" * len(name))
    path = zip_of(tmp_path, (zipfile.ZipInfo("a.jpg"), b"A"), (member, b"B"))
    path.write_bytes(path.read_bytes().replace(b"X" * len(name), name.encode()))

    with pytest.raises(BadInput, match=r"leads out of the archive; names must be relative, without '..'$"):
        open_image_files(DataFile(path)).__enter__()


def test_a_link_is_refused(tmp_path: Path) -> None:
    member = zipfile.ZipInfo("a.jpg")
    member.external_attr = 0o120777 << 16

    with pytest.raises(BadInput, match=r"images\.zip: the member 'a\.jpg' is a link; members must be files$"):
        open_image_files(DataFile(zip_of(tmp_path, (member, b"/etc/passwd")))).__enter__()


def test_an_encrypted_member_is_refused(tmp_path: Path) -> None:
    path = zip_of(tmp_path, (zipfile.ZipInfo("a.jpg"), b"A"))
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(bytes(content))

    with pytest.raises(BadInput, match=r"'a\.jpg' is encrypted; members must be readable without a password$"):
        open_image_files(DataFile(path)).__enter__()


def test_a_huge_member_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    path = zip_of(tmp_path, (zipfile.ZipInfo("a.jpg"), b"A"))
    content = bytearray(path.read_bytes())
    struct.pack_into("<I", content, content.index(b"PK\x01\x02") + 24, 3_000_000_000)
    path.write_bytes(bytes(content))

    with pytest.raises(BadInput, match=r"'a\.jpg' unpacks to 3,000,000,000 bytes; an image has at most 67,108,864$"):
        open_image_files(DataFile(path)).__enter__()


def test_a_huge_file_is_refused_before_it_is_read(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    with (tmp_path / "images" / "a.jpg").open("wb") as sparse:
        sparse.truncate(67_108_865)

    with open_image_files(DataFile(tmp_path / "images")) as files, pytest.raises(BadInput) as error:
        files.read("a.jpg")

    assert str(error.value).endswith("a.jpg has 67,108,865 bytes; an image has at most 67,108,864")


def test_another_compression_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "images.zip", "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("a.jpg", b"A")

    with pytest.raises(BadInput, match=r"'a\.jpg' is compressed by method 14; members must be stored or deflated$"):
        open_image_files(DataFile(tmp_path / "images.zip")).__enter__()


def test_two_contents_of_one_name_are_refused(tmp_path: Path) -> None:
    path = zip_of(tmp_path, (zipfile.ZipInfo("a.jpg"), b"A"), (zipfile.ZipInfo("b.jpg"), b"B"))
    path.write_bytes(path.read_bytes().replace(b"b.jpg", b"a.jpg"))

    with pytest.raises(BadInput, match=r"the member 'a\.jpg' is there twice with other content; keep one$"):
        open_image_files(DataFile(path)).__enter__()


def test_folders_in_a_zip_are_no_files(tmp_path: Path) -> None:
    path = zip_of(tmp_path, (zipfile.ZipInfo("train/"), b""), (zipfile.ZipInfo("train/a.jpg"), b"A"))

    with open_image_files(DataFile(path)) as files:
        assert files.paths == {"a.jpg": ["train/a.jpg"]}


@pytest.mark.parametrize("content", [b"", b"no zip", None])
def test_what_is_no_zip_is_refused(tmp_path: Path, content: Any) -> None:
    whole = zipped({"a.jpg": b"A" * 100})
    (tmp_path / "images.zip").write_bytes(whole[:-30] if content is None else content)

    with pytest.raises(BadInput, match=r"images\.zip is neither a folder nor a zip or tar that can be read: "):
        open_image_files(DataFile(tmp_path / "images.zip")).__enter__()


def test_a_missing_place_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"none does not exist; it should be a folder, a zip or a tar of images$"):
        open_image_files(DataFile(tmp_path / "none")).__enter__()


def test_a_member_that_unpacks_to_more_than_it_says_is_damaged(tmp_path: Path) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.jpg", bytes(100_000))
    content = bytearray(stream.getvalue())
    struct.pack_into("<I", content, content.index(b"PK\x01\x02") + 24, 10)
    (tmp_path / "images.zip").write_bytes(bytes(content))

    with open_image_files(DataFile(tmp_path / "images.zip")) as files, pytest.raises(BadInput, match=r"^Bad CRC-32"):
        files.read("a.jpg")


@pytest.mark.parametrize(
    ("header", "offset", "value", "reason"),
    [
        (b"PK\x01\x02", 8, 0x20, "compressed patched data"),
        (b"PK\x01\x02", 8, 0x40, "strong encryption"),
        (b"PK\x03\x04", 30, 0x4242, "differ"),
        (b"PK\x01\x02", 42, 0xFFF0, "Truncated file header"),
        (b"PK\x01\x02", 20, 1, "Bad CRC-32"),
    ],
)
def test_a_member_whose_header_is_damaged_costs_itself_alone(
    header: bytes, offset: int, value: int, reason: str, tmp_path: Path
) -> None:
    content = bytearray(zipped({"a.jpg": b"A" * 100, "b.jpg": b"B"}))
    struct.pack_into("<H", content, content.index(header) + offset, value)
    (tmp_path / "images.zip").write_bytes(bytes(content))

    with open_image_files(DataFile(tmp_path / "images.zip")) as files:
        with pytest.raises(BadInput, match=reason):
            files.read("a.jpg")
        assert files.read("b.jpg") == b"B"


def test_a_directory_that_begins_before_the_file_is_refused(tmp_path: Path) -> None:
    content = bytearray(zipped({"a.jpg": b"A"}))
    struct.pack_into("<I", content, content.index(b"PK\x05\x06") + 16, 0xFFFF)
    (tmp_path / "images.zip").write_bytes(bytes(content))

    with open_image_files(DataFile(tmp_path / "images.zip")) as files, pytest.raises(
        BadInput, match="Invalid argument"
    ):
        files.read("a.jpg")


@pytest.mark.parametrize("version", [46, 99])
def test_a_zip_of_a_version_that_is_not_known_is_refused(version: int, tmp_path: Path) -> None:
    content = bytearray(zipped({"a.jpg": b"A"}))
    struct.pack_into("<H", content, content.index(b"PK\x01\x02") + 6, version * 10)
    (tmp_path / "images.zip").write_bytes(bytes(content))

    with pytest.raises(BadInput, match=r"images\.zip is neither a folder nor a zip or tar that can be read: zip file"):
        open_image_files(DataFile(tmp_path / "images.zip")).__enter__()


def test_a_disk_that_is_away_is_no_damage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "images.zip").write_bytes(zipped({"a.jpg": b"A"}))

    def away(*_: Any) -> bytes:
        raise OSError(errno.ESTALE, "Stale file handle", "/data/images.zip")

    with open_image_files(DataFile(tmp_path / "images.zip")) as files:
        monkeypatch.setattr(zipfile.ZipFile, "read", away)

        with pytest.raises(TryAgainLater, match=r"cannot use /data/images\.zip: Stale file handle"):
            files.read("a.jpg")


def test_all_unsafe_members_are_named(tmp_path: Path) -> None:
    members = [(zipfile.ZipInfo(name), b"A") for name in ("../a.jpg", "b.jpg", "/c.jpg")]

    with pytest.raises(BadInput) as error:
        open_image_files(DataFile(zip_of(tmp_path, *members), "https://host/images.zip")).__enter__()

    assert str(error.value).split("\n") == [
        "https://host/images.zip has 2 bad entries:",
        "  the member '../a.jpg' leads out of the archive; names must be relative, without '..'",
        "  the member '/c.jpg' leads out of the archive; names must be relative, without '..'",
    ]


def test_a_member_that_is_there_twice_alike_is_one(tmp_path: Path) -> None:
    path = zip_of(tmp_path, (zipfile.ZipInfo("a.jpg"), b"A"), (zipfile.ZipInfo("b.jpg"), b"A"))
    path.write_bytes(path.read_bytes().replace(b"b.jpg", b"a.jpg"))

    with open_image_files(DataFile(path)) as files:
        assert files.read(files.find("a.jpg")) == b"A"


NAME = "Z\u00fcrich.jpg"
"""As most systems write it; macOS writes a u and two dots."""


def renamed(tmp_path: Path, written: bytes) -> Path:
    """A zip with one member whose name is these bytes."""
    path = zip_of(tmp_path, (zipfile.ZipInfo("X" * len(written)), b"Z"))
    content = path.read_bytes().replace(b"X" * len(written), written)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    "written",
    [
        NAME.encode(),
        unicodedata.normalize("NFD", NAME).encode(),
        NAME.encode("cp437"),
        NAME.encode("cp1252"),
        b"train\\" + NAME.encode(),
    ],
    ids=["UTF-8 without its flag", "NFD", "cp437", "cp1252", "Windows"],
)
def test_a_name_is_found_however_it_was_packed(tmp_path: Path, written: bytes) -> None:
    with open_image_files(DataFile(renamed(tmp_path, written))) as files:
        assert files.read(files.find(NAME)) == b"Z"


def test_a_name_is_found_however_a_folder_has_it(tmp_path: Path) -> None:
    (tmp_path / unicodedata.normalize("NFD", NAME)).write_bytes(b"Z")

    with open_image_files(DataFile(tmp_path)) as files:
        assert files.read(files.find(NAME)) == b"Z"


def test_what_systems_leave_beside_pictures_is_no_file(tmp_path: Path) -> None:
    members = [
        (zipfile.ZipInfo(name), b"X") for name in ("a/.DS_Store", "b/.DS_Store", "__MACOSX/a/._1.jpg", "Thumbs.db")
    ]
    path = zip_of(tmp_path, *members, (zipfile.ZipInfo("a/1.jpg"), b"A"))

    with open_image_files(DataFile(path)) as files:
        assert files.paths == {"1.jpg": ["a/1.jpg"]}


def tar_of(tmp_path: Path, *members: Tuple[str, bytes]) -> Path:
    """A tar with these members: a name and a type, of which a file holds its name."""
    with tarfile.open(tmp_path / "images.tar", "w") as archive:
        for name, kind in members:
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, "a.jpg"
            member.size = len(name.encode()) if kind == tarfile.REGTYPE else 0
            archive.addfile(member, io.BytesIO(name.encode()))
    return tmp_path / "images.tar"


@pytest.mark.parametrize(
    ("name", "kind", "mistake"),
    [
        ("../a.jpg", tarfile.REGTYPE, "leads out of the archive; names must be relative, without '..'"),
        ("/etc/a.jpg", tarfile.REGTYPE, "leads out of the archive; names must be relative, without '..'"),
        ("./x/../../a.jpg", tarfile.DIRTYPE, "leads out of the archive; names must be relative, without '..'"),
        ("b.jpg", tarfile.SYMTYPE, "is a link; members must be files"),
        ("b.jpg", tarfile.LNKTYPE, "is a link; members must be files"),
        ("b.jpg", tarfile.CHRTYPE, "is no file but a device or a pipe"),
        ("b.jpg", tarfile.FIFOTYPE, "is no file but a device or a pipe"),
    ],
)
def test_an_unsafe_member_of_a_tar_is_refused(tmp_path: Path, name: str, kind: bytes, mistake: str) -> None:
    path = tar_of(tmp_path, ("a.jpg", tarfile.REGTYPE), (name, kind))

    with pytest.raises(BadInput) as error:
        open_image_files(DataFile(path)).__enter__()

    assert str(error.value) == f"{path}: the member {name!r} {mistake}"


def test_a_tar_is_read_as_tars_are_made(tmp_path: Path) -> None:
    long = f"{'d' * 120}/{'e' * 120}.jpg"
    names = ["./train/a.jpg", "./._a.jpg", ".DS_Store", long]
    path = tar_of(tmp_path, ("./", tarfile.DIRTYPE), *((name, tarfile.REGTYPE) for name in names))

    with open_image_files(DataFile(path)) as files:
        assert files.paths == {"a.jpg": ["train/a.jpg"], f"{'e' * 120}.jpg": [long]}
        assert files.read(files.find(f"{'e' * 120}.jpg")) == long.encode()


@pytest.mark.parametrize("written", [NAME.encode(), NAME.encode("cp1252")], ids=["UTF-8", "cp1252"])
def test_a_tars_names_are_found_however_they_are_written(tmp_path: Path, written: bytes) -> None:
    name = written.decode("utf-8", "surrogateescape")
    with tarfile.open(tmp_path / "images.tar", "w", format=tarfile.GNU_FORMAT) as archive:
        archive.addfile(tarfile.TarInfo(name))

    with open_image_files(DataFile(tmp_path / "images.tar")) as files:
        assert files.find(NAME) == NAME


def test_a_huge_member_of_a_tar_is_refused(tmp_path: Path) -> None:
    member = tarfile.TarInfo("a.jpg")
    member.size = 67_108_865
    with (tmp_path / "images.tar").open("wb") as sparse:
        sparse.write(member.tobuf())
        sparse.truncate(512 + member.size + 511)

    with pytest.raises(BadInput, match=r"'a\.jpg' unpacks to 67,108,865 bytes; an image has at most 67,108,864$"):
        open_image_files(DataFile(tmp_path / "images.tar")).__enter__()


@pytest.mark.parametrize("kind", ["gz", "bz2", "xz"])
def test_a_packed_tar_that_is_cut_off_is_damaged(tmp_path: Path, kind: str) -> None:
    (tmp_path / "images.tar").write_bytes(tarred(LISTED, f"w:{kind}")[:-20])

    with pytest.raises(BadInput, match=r"images\.tar is damaged or cut off: "):
        open_image_files(DataFile(tmp_path / "images.tar")).__enter__()


def test_a_tar_that_is_cut_off_is_damaged(tmp_path: Path) -> None:
    (tmp_path / "images.tar").write_bytes(tarred({"a.jpg": b"A", "b.jpg": b"B" * 2000})[:3000])

    with pytest.raises(BadInput, match=r"images\.tar is a tar that is damaged or cut off: unexpected end of data$"):
        open_image_files(DataFile(tmp_path / "images.tar")).__enter__()


def test_a_damaged_header_does_not_end_a_tar(tmp_path: Path) -> None:
    content = bytearray(tarred({"a.jpg": b"A", "b.jpg": b"B", "c.jpg": b"C"}))
    content[1024 + 5] ^= 1
    (tmp_path / "images.tar").write_bytes(bytes(content))

    with pytest.raises(BadInput, match=r"images\.tar is a tar that is damaged behind 'a\.jpg'; fetch it again$"):
        open_image_files(DataFile(tmp_path / "images.tar")).__enter__()


def test_what_is_packed_beyond_measure_is_refused(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(archives, "_ALWAYS_UNPACKED", 1000)
    (tmp_path / "images.tar").write_bytes(tarred({"a.jpg": bytes(1_000_000)}, "w:gz"))

    with pytest.raises(BadInput, match=r"images\.tar unpacks to more than [0-9,]+ bytes, more than pictures do$"):
        open_image_files(DataFile(tmp_path / "images.tar")).__enter__()


def test_zstandard_is_named(tmp_path: Path) -> None:
    (tmp_path / "images.tar").write_bytes(b"\x28\xb5\x2f\xfd")

    with pytest.raises(BadInput, match=r"is packed by Zstandard; give a \.tar, a \.tar\.gz or a \.zip$"):
        open_image_files(DataFile(tmp_path / "images.tar")).__enter__()


def test_a_name_twice_in_a_tar_is_one_file_or_refused(tmp_path: Path) -> None:
    same, other = tarred({"a.jpg": b"A"})[:1024], tarred({"a.jpg": b"B"})
    (tmp_path / "same.tar").write_bytes(same + same)
    (tmp_path / "other.tar").write_bytes(same + other)

    with open_image_files(DataFile(tmp_path / "same.tar")) as files:
        assert files.read(files.find("a.jpg")) == b"A"
    with pytest.raises(BadInput, match=r"the member 'a\.jpg' is there twice with other content; keep one$"):
        open_image_files(DataFile(tmp_path / "other.tar")).__enter__()


def test_archives_in_a_folder_are_one_place(tmp_path: Path) -> None:
    (tmp_path / "images" / "0000").mkdir(parents=True)
    (tmp_path / "images" / "0000" / "a.ZIP").write_bytes(zipped({"train/a.jpg": b"A", "b.jpg": b"B"}))
    (tmp_path / "images" / "b.tgz").write_bytes(tarred({"c.jpg": b"C", "b.jpg": b"D"}, "w:gz"))
    (tmp_path / "images" / "d.jpg").write_bytes(b"E")

    with open_image_files(DataFile(tmp_path / "images", "/data")) as files:
        assert [files.read(files.find(name)) for name in ("train/a.jpg", "c.jpg", "d.jpg")] == [b"A", b"C", b"E"]
        with pytest.raises(BadInput) as error:
            files.find("b.jpg")

    assert str(error.value) == "/data has 2 files 'b.jpg': 0000/a.ZIP/b.jpg, b.tgz/b.jpg; keep one"
