import pytest
from podtune.errors import BadInput
from podtune.formats.bad_rows import BadRows


def noted(count: int, cure: str = "") -> str:
    """The message about so many bad rows; empty where there is none."""
    bad_rows = BadRows("/data/train.json", cure)
    for number in range(count):
        with bad_rows:
            raise BadInput(f"/data/train.json: row {number}: it is empty")
    try:
        bad_rows.stop()
    except BadInput as error:
        return str(error)
    return ""


def test_nothing_wrong_stops_nothing() -> None:
    assert noted(0) == ""


def test_one_bad_row_is_one_line() -> None:
    assert noted(1) == "/data/train.json: row 0: it is empty"
    assert noted(1, "fill it") == "/data/train.json: row 0: it is empty; fill it"


def test_several_are_listed_below_the_file() -> None:
    assert noted(2, "fill them") == (
        "/data/train.json has 2 bad entries:\n  row 0: it is empty\n  row 1: it is empty\n  fill them"
    )


def test_of_many_twenty_are_listed() -> None:
    lines = noted(1033).split("\n")

    assert lines[0] == "/data/train.json has 1,033 bad entries:"
    assert lines[1::19] == ["  row 0: it is empty", "  row 19: it is empty"]
    assert lines[21:] == ["  and 1,013 more"]


@pytest.mark.parametrize(
    ("complaint", "listed"),
    [
        ("/data/train: row 1: it is empty", "row 1: it is empty"),
        ("/data/train/2.parquet: row 1: it is empty", "2.parquet: row 1: it is empty"),
        ("/data/train has no file a.png", "has no file a.png"),
        ("/data/train.json: row 1: it is empty", "/data/train.json: row 1: it is empty"),
    ],
)
def test_only_other_files_are_named_in_the_list(complaint: str, listed: str) -> None:
    bad_rows = BadRows("/data/train")
    bad_rows.add(complaint)
    bad_rows.add(complaint)

    with pytest.raises(BadInput) as error:
        bad_rows.stop()

    assert str(error.value) == f"/data/train has 2 bad entries:\n  {listed}\n  {listed}"


def test_other_errors_are_not_held_back() -> None:
    with pytest.raises(KeyError), BadRows("train.json"):
        raise KeyError("row")
