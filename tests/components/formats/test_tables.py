"""Tables that a process of its own looks at first."""

import gzip
import signal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from podtune.errors import BadInput, TryAgainLater
from podtune.formats import packed, tables
from podtune.formats.raw_data import DataFile
from podtune.formats.tables import open_table, open_tables
from pyarrow import parquet


def written(path: Path, columns: Any) -> DataFile:
    """A Parquet file."""
    parquet.write_table(pa.table(columns), path)
    return DataFile(path, f"/data/{path.name}")


def stream(path: Path, columns: Any) -> DataFile:
    """An Arrow stream."""
    table = pa.table(columns)
    with pa.ipc.new_stream(str(path), table.schema) as writer:
        writer.write_table(table)
    return DataFile(path, f"/data/{path.name}")


def test_rows_are_read_also_of_a_packed_table(tmp_path: Path) -> None:
    file = written(tmp_path / "table", {"name": ["a", None], "more": [1, 2]})
    file.path.write_bytes(gzip.compress(file.path.read_bytes()))

    table = open_table(file, ["name", "other"])

    assert table.names == ("name", "more")
    assert list(table.rows(["name"])) == [{"name": "a"}, {"name": None}]


def test_categories_are_written_out(tmp_path: Path) -> None:
    file = stream(tmp_path / "table", {"kind": pa.array(["yes", "no", "yes"]).dictionary_encode()})

    assert list(open_table(file, ["kind"]).rows(["kind"])) == [{"kind": "yes"}, {"kind": "no"}, {"kind": "yes"}]


def test_offsets_that_lead_out_of_their_values_are_noticed(tmp_path: Path) -> None:
    file = stream(tmp_path / "table", {"name": ["a" * 77, "b" * 7_000]})
    content = file.path.read_bytes()
    file.path.write_bytes(content.replace((7_077).to_bytes(4, "little"), (900_000).to_bytes(4, "little")))

    with pytest.raises(BadInput, match=r"^/data/table is cut off or damaged: "):
        open_table(file, ["name"])


@pytest.mark.parametrize(
    "column",
    [
        pa.array([b"a"], pa.binary()),
        pa.array([1], pa.timestamp("s")),
        pa.array(["a"], pa.string_view()),
        pa.array([[b"a"]], pa.list_(pa.binary())),
        pa.array([{"a": b"a"}], pa.struct([("a", pa.binary())])),
    ],
)
def test_columns_of_other_kinds_are_named(column: Any, tmp_path: Path) -> None:
    file = stream(tmp_path / "table", {"context": column})

    with pytest.raises(BadInput, match=r"^/data/table: the column context is of .*; text, numbers, lists and structs"):
        open_table(file, ["context"])


def test_a_small_file_that_stands_for_much_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packed, "MOST_UNPACKED", 1_000_000)
    file = written(tmp_path / "table", {"context": ["a" * 10_000] * 3_000})

    with pytest.raises(BadInput, match=r"^/data/table stands for more than 1,000,000 bytes; divide it into several"):
        open_table(file, ["context"])


def test_lists_of_nothing_are_counted(tmp_path: Path) -> None:
    nulls = pa.Array.from_buffers(pa.null(), (1 << 31) - 1, [None])
    nothing = pa.LargeListArray.from_arrays(pa.array([0, len(nulls)], pa.int64()), nulls)
    file = stream(tmp_path / "table", {"answers": nothing})

    with pytest.raises(BadInput, match=r"^/data/table stands for more than 2,147,483,648 bytes"):
        open_table(file, ["answers"])


def test_rows_of_nothing_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "MOST_ROWS", 1_000)
    file = stream(tmp_path / "table", {"answers": pa.nulls(1_001)})

    with pytest.raises(BadInput, match=r"^/data/table has more than 1,000 rows; divide it into several files$"):
        open_table(file, ["answers"])


def test_a_packed_file_that_stands_for_much_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packed, "MOST_UNPACKED", 1_000_000)
    (tmp_path / "file").write_bytes(gzip.compress(bytes(2_000_000)))

    with pytest.raises(BadInput, match=r"file stands for more than 1,000,000 bytes; divide it into several files$"):
        packed.read_unpacked(DataFile(tmp_path / "file"), "anything")


@pytest.mark.local
def test_the_other_process_says_what_is_wrong_with_which_file(tmp_path: Path) -> None:
    files = [written(tmp_path / name, {"name": ["a"]}) for name in ("first", "second")]
    files[1].path.write_bytes(files[1].path.read_bytes()[:-3])

    with pytest.raises(BadInput, match=r"^/data/second is cut off or damaged Parquet: "):
        open_tables(files, ["name"])


@pytest.mark.local
@pytest.mark.parametrize(
    ("number", "kind", "message"),
    [
        (signal.SIGABRT, BadInput, "/data/first is damaged, such that whoever reads it crashes (SIGABRT)"),
        (signal.SIGSEGV, BadInput, "/data/first is damaged, such that whoever reads it crashes (SIGSEGV)"),
        (signal.SIGKILL, TryAgainLater, "checking /data/first ended with -9, and said nothing"),
    ],
)
def test_a_process_that_comes_to_a_bad_end_is_told(
    number: signal.Signals, kind: Any, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = written(tmp_path / "first", {"name": ["a"]})
    python = tmp_path / "python"  # one that reads no more than what it is asked
    python.write_text(f"#!/bin/sh\ncat > /dev/null\necho '{{\"file\": 0}}'\nkill -{number.value} $$\n")
    python.chmod(0o755)
    monkeypatch.setattr("sys.executable", str(python))

    with pytest.raises(kind) as error:
        open_table(file, ["name"])

    assert str(error.value) == message
