"""The recipes on generated data, whole: what each learns in a minute or two proves that training works."""

import subprocess
import sys
from pathlib import Path

import pytest
from podtune.formats.evaluation import EVALUATION

pytestmark = pytest.mark.local


@pytest.mark.parametrize(
    ("recipe", "metric", "at_least"),
    [
        ("bert-tiny-squad", "exact_match", 90.0),
        ("lxmert-vqa-tiny", "accuracy", 90.0),
        ("lxmert-gqa-tiny", "accuracy", 90.0),
        ("vit-gpt2-tiny", "cider", 5.0),
    ],
)
def test_a_small_model_answers_what_it_has_not_seen(tmp_path: Path, recipe: str, metric: str, at_least: float) -> None:
    command = [sys.executable, "-m", "podtune_pipelines.cli", "run", recipe, "--store", str(tmp_path / "store")]

    finished = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert finished.returncode == 0, finished.stderr
    assert finished.stdout == f"{recipe} version 1 is live in {tmp_path / 'store'}\n"
    (evaluation,) = tmp_path.glob(".podtune/runs/*/evaluate/scores")
    assert EVALUATION.open(evaluation).facts.metrics[metric].value >= at_least
