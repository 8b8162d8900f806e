from pathlib import Path

import pytest
from podtune.stores.partial_file import land, naming, partial_file, partials_of


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
