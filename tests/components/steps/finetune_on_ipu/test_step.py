"""What is refused before anything is asked of a cluster; whole runs are in ../jobs/test_steps.py."""

from pathlib import Path
from typing import Any, Dict

import pytest
from podtune.artifacts import BaseModel, Checkpoint, Facts, Features
from podtune.errors import BadInput
from podtune.steps.finetune_on_ipu.component import finetune_on_ipu
from podtune.steps.finetune_on_ipu.step import run

PLACES = {"workspace": "s3://models/training", "image": "podtune/python-ipu:0.1.0"}
TRAINING: Dict[str, Any] = {
    "epochs": 1,
    "batch_size": 4,
    "learning_rate": 1e-3,
    "ipu": {"layers_per_ipu": [1, 1], "row_tokens": 128, "gradient_accumulation": 4},
}


def test_a_recipe_has_to_place_its_model_on_ipus(tmp_path: Path) -> None:
    training = {key: value for key, value in TRAINING.items() if key != "ipu"}

    with pytest.raises(BadInput, match=r"no section training\.ipu, which places its model on IPUs; add one$"):
        run("s3://a/features", "s3://a/base_model", tmp_path / "checkpoint", training=training, **PLACES)


def test_artifacts_have_to_lie_in_s3(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"the base model must lie in s3://…; got '/data/base_model'$"):
        run("s3://a/features", "/data/base_model", tmp_path / "checkpoint", training=TRAINING, **PLACES)


def test_every_mistake_of_the_section_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"training\.epochs must be at least 1; got 0"):
        run("s3://a/f", "s3://a/b", tmp_path / "checkpoint", training={**TRAINING, "epochs": 0}, **PLACES)


def test_kfp_hands_over_where_its_artifacts_lie(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    features, model = Features(uri="gs://bucket/features"), BaseModel(uri="gs://bucket/base_model")
    checkpoint, facts = Checkpoint(uri=str(tmp_path / "checkpoint")), Facts(uri=str(tmp_path / "facts"))

    with pytest.raises(SystemExit) as caught:
        finetune_on_ipu.python_func(features, model, checkpoint, facts, training=TRAINING, **PLACES)

    assert caught.value.code == 2
    assert "the prepared data must lie in s3://…; got 'gs://bucket/features'" in capsys.readouterr().err
