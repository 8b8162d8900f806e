import gzip
import io
import json
import resource
import zipfile
from pathlib import Path
from typing import Any, Callable, Dict, List, Sequence, Set

import numpy as np
import pytest
from inputs.visual_question_answering import telling
from podtune.errors import BadInput
from podtune.formats.raw_data import DataFile
from podtune.steps.extract_lxmert.region_file import store_region_file
from podtune.steps.extract_lxmert.reports import BadRow
from podtune.tasks.visual_question_answering.region_store import create_store

Row = Callable[..., str]


def stored(folder: Path, content: str, images: Sequence[str], bad: "List[BadRow] | None" = None) -> Set[str]:
    """Store a file's rows of these images, with two regions each."""
    (folder / "regions.tsv").write_text(content, encoding="utf-8", newline="\n")
    (folder / "train").mkdir()
    create_store(folder / "train", images, 2)
    return store_region_file(
        DataFile(folder / "regions.tsv"), folder / "train", 2, telling(bad if bad is not None else [])
    )


def arrays(folder: Path) -> Dict[str, Any]:
    return {name: np.load(folder / "train" / f"{name}.npy") for name in ("features", "boxes")}


def test_an_image_gets_its_row_wherever_it_stands(tmp_path: Path, region_row: Row) -> None:
    found = stored(tmp_path, "".join(region_row(f"n{number}", number) for number in range(4)), ["n3", "n1"])

    assert found == {"n1", "n3"}
    assert arrays(tmp_path)["features"].dtype == np.float16
    assert arrays(tmp_path)["features"][:, :, 7].tolist() == [[3, 3], [1, 1]]
    assert arrays(tmp_path)["boxes"].dtype == np.float32
    assert arrays(tmp_path)["boxes"][1, 1].tolist() == [0.25, 0.25, 0.75, 0.75]
    assert json.loads((tmp_path / "train" / "images.json").read_text()) == ["n3", "n1"]


def test_a_bad_row_is_told_by_its_number_and_the_others_are_stored(tmp_path: Path, region_row: Row) -> None:
    lines = [region_row("n0", 1.0), "bad\n", region_row("n1", 2.0), region_row("n2", 3.0), "worse"]
    bad: List[BadRow] = []

    found = stored(tmp_path, "".join(lines), ["n0", "n1", "n2"], bad)

    assert found == {"n0", "n1", "n2"}
    assert [row.row for row in bad] == [2, 5]
    assert arrays(tmp_path)["features"][:, 0, 0].tolist() == [1, 2, 3]


def test_a_last_line_needs_no_end(tmp_path: Path, region_row: Row) -> None:
    assert stored(tmp_path, region_row("n0") + region_row("n1").rstrip("\n"), ["n0", "n1"]) == {"n0", "n1"}


def test_a_file_of_the_authors_own_program_is_read(tmp_path: Path, region_row: Row) -> None:
    content = (region_row("n0", 1.0) + region_row("n1", 2.0)).replace("\n", "\r\n")

    assert stored(tmp_path, content, ["n0", "n1"]) == {"n0", "n1"}
    assert arrays(tmp_path)["features"][:, 0, 0].tolist() == [1, 2]


def test_an_empty_file_has_no_image(tmp_path: Path) -> None:
    assert stored(tmp_path, "", ["n0"]) == set()


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"boxes": np.full((2, 4), np.nan, dtype="<f4")}, "a box is not finite"),
        ({"boxes": np.full((2, 4), np.inf, dtype="<f4")}, "a box is not finite"),
        (
            {"boxes": np.full((2, 4), 640.1, dtype="<f4")},
            "its boxes extend from 1.00016 to 1.33354 of the picture; ",
        ),
        (
            {"boxes": np.full((2, 4), -0.1, dtype="<f4")},
            "its boxes extend from -0.000208333 to -0.00015625 of the pictu",
        ),
        ({"features": np.full((2, 2048), np.nan, dtype="<f4")}, "a feature is not finite, or beyond 65,504, the most"),
        ({"features": np.full((2, 2048), -np.inf, dtype="<f4")}, "a feature is not finite, or beyond 65,504, the most"),
        ({"features": np.full((2, 2048), 65520, dtype="<f4")}, "a feature is not finite, or beyond 65,504, the most"),
    ],
)
def test_values_that_cannot_be_are_refused(changed: Any, reason: str, tmp_path: Path, region_row: Row) -> None:
    bad: List[BadRow] = []

    found = stored(tmp_path, region_row("n0") + region_row("n1", **changed), ["n0", "n1"], bad)

    assert found == {"n0"}
    assert [(row.row, row.image) for row in bad] == [(2, "n1")]
    assert bad[0].reason.startswith(reason)
    assert not arrays(tmp_path)["features"][1].any()
    assert not arrays(tmp_path)["boxes"][1].any()


def test_boxes_may_touch_the_edge_as_the_authors_allow(tmp_path: Path, region_row: Row) -> None:
    edge = np.array([[-0.004, -0.004, 640.005, 480.004]] * 2, dtype="<f4")

    assert stored(tmp_path, region_row("n0", boxes=edge), ["n0"]) == {"n0"}


def test_rows_of_images_that_nobody_asks_about_are_not_decoded(tmp_path: Path, region_row: Row) -> None:
    bad: List[BadRow] = []

    stored(tmp_path, region_row("n0") + region_row("n1", features="no base64"), ["n0"], bad)

    assert bad == []


def test_an_image_in_several_rows_is_told_and_in_none(tmp_path: Path, region_row: Row) -> None:
    bad: List[BadRow] = []
    content = region_row("n0", 1.0) + region_row("n1", 2.0) + region_row("n0", 3.0) + region_row("n0", 3.0)

    found = stored(tmp_path, content, ["n0", "n1"], bad)

    assert found == {"n1"}
    assert [(row.row, row.reason) for row in bad] == [
        (3, "row 1 is of the same image; it must be in one row"),
        (4, "row 1 is of the same image; it must be in one row"),
    ]
    assert arrays(tmp_path)["features"][:, 0, 0].tolist() == [0, 2]


@pytest.mark.parametrize("count", [1, 2])
def test_threads_change_neither_the_bytes_nor_the_order_of_what_is_told(
    count: int, tmp_path: Path, region_row: Row, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("podtune.steps.extract_lxmert.region_file.cores", lambda: count)
    images = [f"n{number}" for number in range(30)]
    bad: List[BadRow] = []
    damaged = "".join(region_row(image, features="no base64") for image in images)
    whole = "".join(region_row(image, number) for number, image in enumerate(images))
    again = region_row("n3", 3.0) + region_row("n4", 9.0) + "bad\n"

    found = stored(tmp_path, damaged + whole + again, images, bad)

    assert found == set(images) - {"n4"}
    assert [row.row for row in bad] == [*range(1, 31), 62, 63]
    assert arrays(tmp_path)["features"][:, 1, 5].tolist() == [0, 1, 2, 3, 0, *range(5, 30)]


def test_a_file_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"regions\.tsv is no file; it should hold LXMERT's region features$"):
        store_region_file(DataFile(tmp_path / "regions.tsv"), tmp_path, 2, telling([]))


def test_a_full_disk_is_an_error_and_not_the_end_of_the_process(tmp_path: Path, region_row: Row) -> None:
    (tmp_path / "regions.tsv").write_text(region_row("n0"), encoding="utf-8")
    create_store(tmp_path, ["n0"], 2)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            store_region_file(DataFile(tmp_path / "regions.tsv"), tmp_path, 2, telling([]))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def folder_of(tmp_path: Path, **contents: bytes) -> DataFile:
    (tmp_path / "parts").mkdir()
    for name, content in contents.items():
        (tmp_path / "parts" / name.replace("_", ".")).write_bytes(content)
    return DataFile(tmp_path / "parts", "/data/train")


def zip_of(**contents: str) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("train2014_obj36/README.txt", "regions")
        for name, content in contents.items():
            archive.writestr(f"train2014_obj36/{name.replace('_', '.')}", content)
    return stream.getvalue()


def stored_parts(file: DataFile, folder: Path, bad: "List[BadRow] | None" = None) -> Set[str]:
    (folder / "train").mkdir()
    create_store(folder / "train", ["n0", "n1", "n2", "n3"], 2)
    return store_region_file(file, folder / "train", 2, telling(bad if bad is not None else []))


def test_regions_may_lie_in_parts_in_zips_and_gzips(tmp_path: Path, region_row: Row) -> None:
    packed = zip_of(a_tsv=region_row("n1", 1.0), b_TSV=region_row("n2", 2.0))
    file = folder_of(
        tmp_path,
        p1_tsv=region_row("n0", 0.5).encode(),
        p2_zip=packed,
        p3_gz=gzip.compress(region_row("n3", 3.0).encode()),
    )

    assert stored_parts(file, tmp_path) == {"n0", "n1", "n2", "n3"}
    assert arrays(tmp_path)["features"][:, 1, 5].tolist() == [0.5, 1, 2, 3]


def test_an_image_in_two_parts_is_told_with_both_files_unless_it_is_the_same(tmp_path: Path, region_row: Row) -> None:
    bad: List[BadRow] = []
    packed = zip_of(a_tsv=region_row("n1", 1.0) + region_row("n0", 0.5) + region_row("n2", 9.0))
    file = folder_of(tmp_path, p1_tsv=(region_row("n0", 0.5) + region_row("n2", 2.0)).encode(), p2_zip=packed)

    found = stored_parts(file, tmp_path, bad)

    assert found == {"n0", "n1"}
    assert bad == [
        BadRow(
            3,
            "n2",
            "row 2 of /data/train/p1.tsv is of the same image; it must be in one row",
            "/data/train/p2.zip/train2014_obj36/a.tsv",
        )
    ]
    assert arrays(tmp_path)["features"][:, 0, 0].tolist() == [0.5, 1, 0, 0]


def test_a_row_that_is_there_twice_alike_is_one(tmp_path: Path, region_row: Row) -> None:
    bad: List[BadRow] = []

    assert stored(tmp_path, region_row("n0", 0.1) * 2, ["n0"], bad) == {"n0"}
    assert bad == []


@pytest.mark.parametrize("name", ["p_zip", "p_gz"])
def test_a_packed_part_that_is_damaged_is_named(tmp_path: Path, region_row: Row, name: str) -> None:
    row = region_row("n0", features=np.random.default_rng(0).random((2, 2048), dtype="<f4"))
    content = bytearray(zip_of(a_tsv=row) if name == "p_zip" else gzip.compress(row.encode()))
    content[5000] ^= 1

    with pytest.raises(BadInput, match=r"^/data/train/p\.(zip/train2014_obj36/a\.tsv|gz) is damaged or cut off: "):
        stored_parts(folder_of(tmp_path, **{name: bytes(content)}), tmp_path)


def test_a_zip_without_regions_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput) as error:
        stored_parts(folder_of(tmp_path, p_zip=zip_of()), tmp_path)

    assert str(error.value) == (
        "/data/train/p.zip has no .tsv, which would hold LXMERT's region features; it has train2014_obj36/README.txt"
    )
