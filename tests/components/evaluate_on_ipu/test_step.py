"""What is refused before anything is asked of a cluster; whole runs are in ../ipujobs/test_steps.py."""

from pathlib import Path

import pytest
from podtune.errors import BadInput
from podtune.evaluate_on_ipu.step import run

PLACES = {"workspace": "s3://models/training", "image": "podtune/python-ipu:0.1.0"}


def test_artifacts_have_to_lie_in_s3(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"the checkpoint must lie in s3://…; got 'gs://a/checkpoint'$"):
        run("s3://a/features", "gs://a/checkpoint", tmp_path / "evaluation", evaluation={}, **PLACES)
