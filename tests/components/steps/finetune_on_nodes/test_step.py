"""What is refused before anything is asked of a cluster; a job's life is in ../../jobs/test_trainjob.py."""

from pathlib import Path

import pytest
from podtune.errors import BadInput
from podtune.steps.finetune_on_nodes.step import run

TRAINING = {"epochs": 1, "batch_size": 4, "learning_rate": 1e-3}


@pytest.mark.parametrize("nodes", ["", "2", "0x4", "2x0", "2×4", "2x4x1", "1000x1"])
def test_nodes_and_gpus_are_two_numbers(nodes: str, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"^nodes must be the nodes and the GPUs of each, such as 2x4; got "):
        run("s3://a/f", "s3://a/m", tmp_path / "c", training=TRAINING, workspace="s3://w", nodes=nodes)


def test_the_nodes_share_an_object_store(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"^jobs read and write S3 only; the prepared data must lie in s3://…"):
        run(str(tmp_path), "s3://a/m", tmp_path / "c", training=TRAINING, workspace="s3://w", nodes="2x4")
