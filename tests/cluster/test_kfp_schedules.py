"""A schedule that is set anew, paused and deleted while its run is going."""

import json
from typing import Any, Dict, List

import pytest
from real_cluster import LONG, RECIPE, Cluster, fresh, until

pytestmark = pytest.mark.cluster


def _scheduled_runs(kfp: Cluster, name: str) -> List[Dict[str, Any]]:
    runs = json.loads(kfp.podtune("runs", "--last", "50", "--json").stdout)
    return [run for run in runs if run["schedule"] and name in run["name"]]


def test_a_run_outlives_its_schedule(kfp: Cluster) -> None:
    """Replaced, then deleted: the run that was going is released."""
    name, change = f"e2e-{fresh().partition('=')[2]}", (*LONG, "--set", fresh())
    kfp.podtune("schedule", RECIPE, "--name", name, "--cron", "* * * * *", *change)
    try:
        run = until(lambda: _scheduled_runs(kfp, name), 180, "the schedule's first run")[0]["id"]
        kfp.training_pod(f"pipeline/runid={run}")
        kfp.podtune("schedule", RECIPE, "--name", name, "--cron", "0 3 1 1 *", *change)
        kfp.podtune("schedules", "delete", name)
        kfp.podtune("wait", run)
    finally:
        kfp.podtune("schedules", "delete", name, "--now", code=None)
    assert name not in kfp.podtune("schedules", "list", "--json").stdout
