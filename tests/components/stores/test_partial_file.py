from pathlib import Path

import pytest
from podtune.errors import from_os_error, naming
from podtune.stores.partial_file import land, partial_file, partials_of, write_whole


def test_the_same_source_finds_what_was_collected(tmp_path: Path) -> None:
    partial_file(tmp_path / "to" / "model[1]", '"etag"').write_bytes(b"half")

    assert partial_file(tmp_path / "to" / "model[1]", '"etag"').read_bytes() == b"half"


def test_another_source_starts_empty_and_takes_the_place(tmp_path: Path) -> None:
    partial_file(tmp_path / "model", "one").write_bytes(b"half")
    partial_file(tmp_path / "model-2", "one").write_bytes(b"another file's")

    found = partial_file(tmp_path / "model", "two")

    assert found.read_bytes() == b""
    assert partials_of(tmp_path / "model") == [found]
    assert len(partials_of(tmp_path / "model-2")) == 1


def test_a_complete_copy_gets_its_name(tmp_path: Path) -> None:
    partial = partial_file(tmp_path / "model", "one")
    partial.write_bytes(b"all")

    land(partial, tmp_path / "model")

    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"model": b"all"}


def test_an_error_without_a_file_gets_one(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No space left") as raised, naming(tmp_path):
        raise OSError(28, "No space left on device")

    assert raised.value.filename == str(tmp_path)


def test_what_a_library_says_in_words_is_an_operating_systems_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"^\[Errno 28\] No space left on device: '") as raised, naming(tmp_path):
        raise RuntimeError("Error while serializing: I/O error: No space left on device (os error 28)")

    assert raised.value.filename == str(tmp_path)


def test_other_words_stay_what_they_are(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="os error 2"), naming(tmp_path):
        raise RuntimeError("No such file or directory (os error 2)")


def test_a_file_appears_whole(tmp_path: Path) -> None:
    write_whole(tmp_path / "to" / "file", b"all")

    assert [path.read_bytes() for path in (tmp_path / "to").iterdir()] == [b"all"]


def test_on_a_full_disk_a_file_stays_what_it_was(tmp_path: Path, small_files: None) -> None:
    (tmp_path / "file").write_bytes(b"old")

    with pytest.raises(OSError, match="File too large") as raised:
        write_whole(tmp_path / "file", bytes(100_000))

    assert str(from_os_error(raised.value)) == f"no space left to write {tmp_path / 'file'}; free some and start again"
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"file": b"old"}


def test_a_link_stays_one(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "file")

    write_whole(tmp_path / "link", b"all")

    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "file").read_bytes() == b"all"
