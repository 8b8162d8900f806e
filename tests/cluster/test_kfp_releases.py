"""A release on KFP, its reuse, and the ways in which a run is refused."""

import json
from pathlib import Path

import pytest
from real_cluster import RECIPE, Cluster, fresh

pytestmark = pytest.mark.cluster

SUBMIT = ("submit", RECIPE, "--wait")


def test_a_model_is_released_reused_and_refused(kfp: Cluster, tmp_path: Path) -> None:
    """One training; the next runs reuse it, and the gate decides upon it."""
    change = ("--set", fresh())
    released = kfp.podtune(*SUBMIT, *change)
    for step in ("fetch_data", "tokenize_squad", "finetune", "evaluate", "compare", "write_card", "publish"):
        assert f"{step}: done" in released.stderr
    assert "root" not in released.stderr
    assert "driver" not in released.stderr
    assert "podtune run recipe.yaml" in kfp.card(tmp_path / "first")

    again = kfp.podtune(*SUBMIT, *change)
    assert "finetune: reused" in again.stderr
    assert "evaluate: reused" in again.stderr
    versions = json.loads(kfp.podtune("releases", RECIPE, "--store", kfp.releases, "--json").stdout)
    assert len(versions) == 2

    refused = kfp.podtune(*SUBMIT, *change, "--set", "gate.floors.exact_match=100.1", code=3)
    assert f"{RECIPE} is not released: exact_match is" in refused.stderr
    assert "below its floor of 100.1" in refused.stderr


def test_a_missing_source_is_bad_input(kfp: Cluster) -> None:
    """The step's own sentence and exit code reach the terminal."""
    source = ("--set", f"source.data={kfp.store}/nothing", "--set", "source.splits.train=train.json")
    failed = kfp.podtune(*SUBMIT, *source, "--set", "source.splits.validation=dev.json", code=2)
    assert f"there is no train.json in {kfp.store}/nothing" in failed.stderr
    assert "fetch_data" in failed.stderr


def test_a_store_that_is_not_there_is_found_before_anything_is_paid_for(kfp: Cluster) -> None:
    """A bucket that does not exist ends the run in its first step."""
    failed = kfp.podtune(*SUBMIT, "--set", fresh(), "--store", "s3://podtune-has-no-such-bucket/models", code=2)
    assert "there is no such bucket" in failed.stderr
    assert "finetune: running" not in failed.stderr
