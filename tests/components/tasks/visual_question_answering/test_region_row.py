import base64
import csv
import io
import tempfile
from pathlib import Path
from typing import Any, Callable, List

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from podtune.tasks.visual_question_answering import region_row
from podtune.tasks.visual_question_answering.region_row import COLUMNS, name_of, regions_of, rows_of
from podtune.tasks.visual_question_answering.region_store import BadRegions

Row = Callable[..., str]


def rows(content: str) -> List[List[str]]:
    """The rows of a file with this content."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "regions.tsv"
        path.write_bytes(content.encode("utf-8"))
        return [[bytes(field).decode("utf-8") for field in fields] for fields, _ in rows_of(path)]


def streamed_rows(content: str) -> List[List[str]]:
    """The same, read in small blocks."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(region_row, "_LONGEST_ROW", 80)
        patch.setattr(region_row, "_BLOCK", 7)
        found = region_row.rows_of_stream(io.BytesIO(content.encode("utf-8")))
        return [[bytes(field).decode("utf-8") for field in fields] for fields, _ in found]


def columns(line: str) -> Any:
    before, found, after = rows("before\n" + line.rstrip("\n") + "\nafter\t")
    assert (before, after) == (["before"], ["after", ""])
    return [field.encode("utf-8") for field in found]


def test_a_row_is_read_as_it_was_published(region_row: Row) -> None:
    found = columns(region_row("n161313", 0.75, regions=3))

    features, boxes = regions_of(found, 3)
    assert name_of(found) == "n161313"
    assert features.dtype == boxes.dtype == np.float32
    assert features.shape == (3, 2048)
    assert (features == 0.75).all()
    assert boxes.tolist() == [[0.25, 0.25, 0.75, 0.75]] * 3


@settings(max_examples=100)
@given(
    table=st.lists(st.lists(st.text(st.sampled_from('ab"\t\n ,é'), max_size=5), min_size=2, max_size=4), max_size=4),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    line_end=st.sampled_from(["\n", "\r\n"]),
)
def test_every_table_of_csv_writer_comes_back(table: List[List[str]], quoting: Any, line_end: str) -> None:
    written = io.StringIO(newline="")
    csv.writer(written, delimiter="\t", quoting=quoting, lineterminator=line_end).writerows(table)

    assert rows(written.getvalue()) == table
    assert streamed_rows(written.getvalue()) == table


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("a\tb\r\nc\td\r\n", [["a", "b"], ["c", "d"]]),
        ("a\tb\r\nc\td", [["a", "b"], ["c", "d"]]),
        ("a\tb\r\r\nc\td\r", [["a", "b"], ["c", "d"]]),
        ("a\tb\n\n\r\nc\td\n\n", [["a", "b"], ["c", "d"]]),
        ('"a"\tb\r\nc\t"d"', [["a", "b"], ["c", "d"]]),
        ('a\t"b\t""c""\r\nd"\ne\tf', [["a", 'b\t"c"\r\nd'], ["e", "f"]]),
        ('a"b"\tc"\n', [['a"b"', 'c"']]),
        ('a\t"b\nc\td\n', [[], ["c", "d"]]),
        ('a\t"b"c\nd\te\n', [[], ["d", "e"]]),
        ("\t".join(COLUMNS) + "\r\na\tb\r\n", [["a", "b"]]),
        ("a\tb\n" + "\t".join(COLUMNS), [["a", "b"], COLUMNS]),
        ("", []),
    ],
)
def test_lines_and_quotes_are_read_as_csv_reads_them(content: str, expected: List[List[str]]) -> None:
    assert rows(content) == expected


def test_a_quote_that_is_not_closed_is_told(region_row: Row) -> None:
    with pytest.raises(BadRegions, match=r"^a quote in it is not closed before a tab or the line's end$"):
        name_of(columns(region_row('"n1')))


@settings(max_examples=20)
@given(
    data=st.data(),
    name=st.text(st.characters(blacklist_categories=["Cs", "Cc"], blacklist_characters='"'), min_size=1, max_size=40),
    regions=st.integers(1, 4),
    width=st.integers(1, 999_999),
    height=st.integers(1, 999_999),
)
def test_every_row_comes_back_bit_by_bit(data: st.DataObject, name: str, regions: int, width: int, height: int) -> None:
    features = data.draw(arrays("<f4", (regions, 2048), elements=st.floats(width=32), fill=st.floats(width=32)))
    pixels = data.draw(arrays("<f4", (regions, 4), elements=st.floats(width=32)))
    counted = np.arange(regions)
    parts = [counted.astype(kind) for kind in ("<i8", "<f4", "<i8", "<f4")] + [pixels, features]
    first, second, third, fourth, *last = (base64.b64encode(part.tobytes()).decode() for part in parts)
    fields = [name, str(height), str(width), first, second, third, fourth, str(regions), *last]

    found = columns("\t".join(fields))

    with np.errstate(all="ignore"):
        read, boxes = regions_of(found, regions)
        expected = pixels / np.array([width, height, width, height], dtype=np.float32)
    assert name_of(found) == name
    assert read.tobytes() == features.tobytes()
    assert np.array_equal(boxes, expected, equal_nan=True)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"num_boxes": "3"}, "num_boxes is 3; it must be 2, as features.regions says"),
        ({"num_boxes": "two"}, "num_boxes must be a whole number from 1; got 'two'"),
        ({"img_w": "0"}, "img_w must be a whole number from 1; got '0'"),
        ({"img_h": "480.5"}, "img_h must be a whole number from 1; got '480.5'"),
        ({"img_h": "-480"}, "img_h must be a whole number from 1; got '-480'"),
        ({"img_h": ""}, "img_h must be a whole number from 1; got ''"),
        ({"boxes": "AAAA"}, "boxes has 4 characters of base64; 2 regions take 44"),
        ({"objects_id": np.ones(3, dtype="<i8")}, "objects_id has 32 characters of base64; 2 regions take 24"),
        ({"attrs_conf": np.ones(1, dtype="<f4")}, "attrs_conf has 8 characters of base64; 2 regions take 12"),
        ({"objects_conf": "AAAAAAAAAA=="}, "objects_conf holds 7 bytes; 2 regions take 8"),
        ({"attrs_id": "AAAAAAAAAAAAAAAAAAAAA-=="}, "attrs_id is not base64: "),
        ({"attrs_id": "AAAAAAAAAAAA AAAAAAAAA=="}, "attrs_id is not base64: "),
        ({"attrs_id": "AAAA====AAAAAAAAAAAAAA=="}, "attrs_id is not base64: "),
    ],
)
def test_a_column_that_is_not_whole_is_named(changed: Any, reason: str, region_row: Row) -> None:
    found = columns(region_row("n1", **changed))

    with pytest.raises(BadRegions) as error:
        regions_of(found, 2)

    assert str(error.value).startswith(reason)


@pytest.mark.parametrize("kept", [1, 100, 21840])
def test_truncated_base64_is_refused(kept: int, region_row: Row) -> None:
    line = region_row("n1").rstrip("\n")
    found = columns(line[: len(line) - 21848 + kept])

    with pytest.raises(BadRegions, match=rf"^features has {kept:,} characters of base64; 2 regions take 21,848$"):
        regions_of(found, 2)


@pytest.mark.parametrize(("line", "count"), [("n1", 1), ("n1\t480", 2), ("\t" * 10, 11)])
def test_another_number_of_columns_is_refused(line: str, count: int) -> None:
    with pytest.raises(BadRegions, match=f"^it has {count} columns; a row of region features has 10$"):
        name_of(columns(line))


def test_a_name_must_be_text(region_row: Row) -> None:
    with pytest.raises(BadRegions, match=r"^img_id is empty$"):
        name_of(columns(region_row("")))
    with pytest.raises(BadRegions, match=r"^img_id is no text in UTF-8$"):
        name_of([b"\xff", *columns(region_row("n1"))[1:]])


def test_offsets_of_a_stream_count_from_its_beginning() -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(region_row, "_LONGEST_ROW", 8)
        patch.setattr(region_row, "_BLOCK", 5)

        found = [end for _, end in region_row.rows_of_stream(io.BytesIO(b"a\tb\nc\td\n\ne\tf\n" * 2))]

    assert found == [4, 8, 13, 17, 21, 26]
