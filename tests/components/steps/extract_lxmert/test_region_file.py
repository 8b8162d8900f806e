import json
import resource
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
