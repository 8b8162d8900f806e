"""Every part of `make bench-gpu`, small and on the CPU: a machine with a GPU is rented by the hour."""

import json
from importlib import import_module
from pathlib import Path
from typing import Any, List

import pytest
import torch

pytestmark = pytest.mark.local  # its parts are processes of their own

MODELS = ["RoBERTa-base SQuAD", "LXMERT VQA", "ViT-GPT2 captions"]
ROWS = {
    "numbers": MODELS,
    "resume": MODELS,
    "training": [f"{model}, {side}" for model in MODELS for side in ("podtune", "Trainer")],
    "evaluation": [*MODELS, "RoBERTa-base SQuAD, Trainer"],
    "feed": ["1 processes", "2 processes"],
}


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The benchmark, with time enough for a busy machine."""
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "benchmarks"))
    found = import_module("bench_gpu")
    monkeypatch.setattr(found, "SECONDS", 3600)
    monkeypatch.setattr(found, "LIMITS", dict.fromkeys(found.LIMITS, 900))
    return found


@pytest.mark.parametrize("part", ROWS)
def test_a_part_runs_small_on_a_cpu(bench: Any, tmp_path: Path, part: str) -> None:
    code = bench.main(["--device", "cpu", "--tiny", "--parts", part, "--to", str(tmp_path)])

    table = (tmp_path / "bench-gpu.md").read_text(encoding="utf-8")
    rows: List[Any] = json.loads((tmp_path / "bench-gpu.json").read_text(encoding="utf-8"))["rows"]
    assert code == 0, table
    assert [(row["part"], row["what"], row["ok"]) for row in rows] == [(part, what, True) for what in ROWS[part]]
    assert all(f"| {part} | {what} | yes | " in table for what in ROWS[part])
    assert all(row["rate"] > 0 for row in rows if "rate" in row)


def test_all_parts_but_the_tests_are_run_here(bench: Any) -> None:
    assert {*ROWS, "tests"} == set(bench.PARTS) == set(bench.LIMITS)


def test_what_had_no_time_left_is_a_failure(bench: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(bench, "SECONDS", 0)

    code = bench.main(["--device", "cpu", "--tiny", "--parts", "tests", "--to", str(tmp_path)])

    assert code == 1
    assert "| tests | pytest -m gpu | **no** | no time was left | " in (tmp_path / "bench-gpu.md").read_text()


def test_a_part_that_fails_is_named_with_its_last_word(bench: Any) -> None:
    failing = ["python3", "-c", "raise SystemExit('out of memory')"]

    assert bench._found(failing, 60) == {"ok": False, "why": "out of memory"}
    assert bench._found(["sleep", "60"], 0.01) == {"ok": False, "why": "not ready after 0 s"}


def test_shares_and_ratios_are_those_of_the_rates(bench: Any) -> None:
    ours = {"part": "training", "what": "A, podtune", "rate": 4500.0, "flops": 87.9e9}
    theirs = {"part": "training", "what": "A, Trainer", "rate": 1500.0}

    assert bench._share(ours, "NVIDIA H200") == "40% of its peak"
    assert bench._share(ours, "NVIDIA L4") == bench._share(theirs, "NVIDIA H200") == ""
    assert bench._times(ours, [ours, theirs]) == "3.00× the Trainer's"
    assert bench._times(theirs, [ours, theirs]) == bench._times(ours, [ours]) == ""


def test_without_a_gpu_it_says_so(
    bench: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)

    assert bench.main([]) == 2
    assert capsys.readouterr().out.startswith("no NVIDIA GPU is visible; run on a machine with one")
    assert bench.main(["--device", "cpu", "--parts", "speed"]) == 2
    assert capsys.readouterr().out.endswith("got speed\n")
