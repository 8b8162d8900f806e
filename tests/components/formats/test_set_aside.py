import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, List

import pytest
from podtune.errors import BadInput
from podtune.formats.bad_rows import BadRows
from podtune.formats.set_aside import CURE, SetAside


def aside(most: float, *complaints: str, policy: str = "set_aside") -> SetAside:
    bad_rows, found = BadRows("train.json", CURE), SetAside(SimpleNamespace(bad_rows=policy, most_set_aside=most))
    for complaint in complaints:
        bad_rows.add(complaint)
    found.take(bad_rows)
    return found


def test_what_is_set_aside_is_listed_in_the_order_in_which_it_was_met(tmp_path: Path) -> None:
    found = aside(0.5, "train.json: row 1: it is empty", "train.json: row 2: it is empty")
    more = BadRows("images.zip")
    more.add("images.zip: a.png is no image", id="7", file="a.png", reason="it is no image")
    found.take(more)

    found.write(tmp_path)

    written = [json.loads(line) for line in (tmp_path / "set_aside.jsonl").read_text("utf-8").splitlines()]
    assert written == [
        {"reason": "row 1: it is empty"},
        {"reason": "row 2: it is empty"},
        {"id": "7", "file": "a.png", "reason": "it is no image"},
    ]


def test_the_policy_may_be_to_stop() -> None:
    with pytest.raises(BadInput, match=r"^train\.json: row 1; features\.bad_rows: set_aside leaves such ones out and "):
        aside(1.0, "train.json: row 1", policy="stop")

    assert aside(0.0, policy="stop").entries == []


@pytest.mark.parametrize(
    ("most", "count", "of"),
    [(0.01, 0, 0), (0.01, 0, 7), (0.0, 0, 7), (0.01, 1, 100), (0.01, 2, 200), (0.5, 1, 2), (1.0, 6, 7)],
)
def test_a_share_up_to_the_policys_may_be_set_aside(most: float, count: int, of: int) -> None:
    aside(most, "train.json: row 1").require_few("train.json", "rows", count, of)


@pytest.mark.parametrize(("most", "count", "of"), [(0.0, 1, 900), (0.01, 1, 99), (0.01, 2, 199), (1.0, 7, 7)])
def test_a_larger_share_or_all_is_refused(most: float, count: int, of: int) -> None:
    complaints: List[Any] = [f"train.json: row {number}" for number in range(count)]

    with pytest.raises(BadInput) as error:
        aside(most, *complaints).require_few("train.json", "rows", count, of)

    assert str(error.value).startswith("train.json")
    assert str(error.value).endswith(
        f"{count} of {of} rows would be set aside; features.most_set_aside allows a share of {most:g}, and never all"
    )
    assert str(error.value).count("row ") == count
