from pathlib import Path
from typing import Any, Dict, List

import pytest
from podtune.errors import BadInput
from podtune.formats.checkpoint import lines_by_kind, read_log, write_log

LINES: List[Dict[str, Any]] = [
    {
        "step": 2,
        "epoch": 0.5,
        "loss": 3.25,
        "learning_rate": 5e-05,
        "gradient_norm": 1.5,
        "examples_per_second": 12.5,
        "seconds": 10.0,
    },
    {"step": 4, "epoch": 1.0, "evaluation": {"exact_match": 40.0, "f1": 50.5}},
]


def test_a_log_has_one_object_a_line(tmp_path: Path) -> None:
    write_log(tmp_path, LINES)

    assert (tmp_path / "log.jsonl").read_text().splitlines() == [
        '{"step": 2, "epoch": 0.5, "loss": 3.25, "learning_rate": 5e-05, "gradient_norm": 1.5, '
        '"examples_per_second": 12.5, "seconds": 10.0}',
        '{"step": 4, "epoch": 1.0, "evaluation": {"exact_match": 40.0, "f1": 50.5}}',
    ]
    assert read_log(tmp_path) == LINES


def test_an_empty_log_is_an_empty_file(tmp_path: Path) -> None:
    write_log(tmp_path, [])

    assert read_log(tmp_path) == []


def test_a_step_logged_again_after_a_restart_counts_once(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    log.write_text('{"step": 10, "loss": 3.0}\n{"step": 20, "loss": 2.0}\n{"step": 10, "loss": 2.9}\n')

    assert [entry["loss"] for entry in lines_by_kind(read_log(tmp_path)).training] == [2.9, 2.0]


def test_a_log_cut_off_is_refused_with_its_line(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    log.write_text('{"step": 10, "loss": 3.0}\n{"step": 2')

    with pytest.raises(BadInput, match=r"log.jsonl line 2 is not JSON; make the artifact again"):
        read_log(tmp_path)
