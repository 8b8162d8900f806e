"""Runs on KFP that are cancelled, or cannot start."""

import json

import pytest
from real_cluster import LONG, RECIPE, Cluster, fresh

pytestmark = pytest.mark.cluster


def test_a_cancelled_run_is_named_as_cancelled(kfp: Cluster) -> None:
    """While it trains."""
    run = json.loads(kfp.podtune("submit", RECIPE, *LONG, "--set", fresh(), "--json").stdout)["run"]
    kfp.training_pod(f"pipeline/runid={run}")
    kfp.podtune("cancel", run)
    ended = kfp.podtune("wait", run, code=1)
    assert f"run {run} was cancelled" in ended.stderr
    listed = json.loads(kfp.podtune("runs", "--last", "20", "--json").stdout)
    assert [each["state"] for each in listed if each["id"] == run] == ["canceled"]


def test_a_pod_that_cannot_start_is_named(kfp: Cluster) -> None:
    """No node has a thousand GPUs; within two minutes the step, since when, and why."""
    change = ("--set", fresh(), "--device", "gpu", "--devices", "1000")
    waited = kfp.podtune("submit", RECIPE, "--wait", "--start-within", "3", *change, code=75)
    run = waited.stdout.split()[0].rpartition("/")[2]
    assert f"run {run} was cancelled after 3 minutes (--start-within): finetune has been waiting" in waited.stderr
    assert f"run {run} was cancelled" in kfp.podtune("wait", run, code=1).stderr
    assert "finetune: waiting for a machine" in waited.stderr
    assert "finetune has been waiting for a machine or its image since " in waited.stderr
    assert "Unschedulable: " in waited.stderr  # the kubeconfig that kubectl uses lets podtune read why
