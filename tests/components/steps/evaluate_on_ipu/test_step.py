"""What is refused before anything is asked of a cluster; whole runs are in ../jobs/test_steps.py."""

from pathlib import Path

import pytest
from kfp.dsl import Metrics
from podtune.artifacts import Checkpoint, Evaluation, Features
from podtune.errors import BadInput
from podtune.steps.evaluate_on_ipu.component import evaluate_on_ipu
from podtune.steps.evaluate_on_ipu.step import run

PLACES = {"workspace": "s3://models/training", "image": "podtune/python-ipu:0.1.0"}


def test_artifacts_have_to_lie_in_s3(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"the checkpoint must lie in s3://…; got 'gs://a/checkpoint'$"):
        run("s3://a/features", "gs://a/checkpoint", tmp_path / "evaluation", evaluation={}, **PLACES)


def test_kfp_hands_over_where_its_artifacts_lie(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    features, checkpoint = Features(uri="s3://bucket/features"), Checkpoint(uri="gs://bucket/checkpoint")
    scores, metrics = Evaluation(uri=str(tmp_path / "scores")), Metrics(uri=str(tmp_path / "metrics"))

    with pytest.raises(SystemExit) as caught:
        evaluate_on_ipu.python_func(features, checkpoint, scores, metrics, evaluation={}, **PLACES)

    assert caught.value.code == 2
    assert "the checkpoint must lie in s3://…; got 'gs://bucket/checkpoint'" in capsys.readouterr().err
