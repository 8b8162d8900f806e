"""Trainings on KFP whose pods go away, and a store that does."""

import json
import threading
import time
from pathlib import Path
from typing import Callable

import pytest
from real_cluster import LONG, RECIPE, Cluster, fresh, until

pytestmark = pytest.mark.cluster


def _submitted(kfp: Cluster) -> str:
    return str(json.loads(kfp.podtune("submit", RECIPE, *LONG, "--set", fresh(), "--json").stdout)["run"])


def _ended_well(kfp: Cluster, run: str) -> None:
    """Follow the run; where KFP did not try the lost pod again, podtune does."""
    if kfp.podtune("wait", run, code=None).returncode:
        kfp.podtune("retry", run, "--wait")


@pytest.mark.parametrize("how", ["deleted", "evicted"])
def test_a_lost_pod_continues_its_training(kfp: Cluster, tmp_path: Path, how: str) -> None:
    """Steps saved before are not trained again, and the card says that it was resumed."""
    run = _submitted(kfp)
    pod = kfp.training_pod(f"pipeline/runid={run}")
    kfp.kubectl("delete", pod, "--wait=false") if how == "deleted" else kfp.evict(pod)
    _ended_well(kfp, run)
    assert "| Times resumed | 1 |" in kfp.card(tmp_path / "release")


def test_a_store_that_is_away_when_training_begins_is_waited_for(kfp: Cluster, store_away: Callable[[], None]) -> None:
    """A minute without the store costs a minute, not the run."""
    run = _submitted(kfp)
    selector = f"pipeline/runid={run},app.kubernetes.io/component=finetune"
    until(lambda: kfp.kubectl("get", "pods", "--selector", selector, "--output", "name"), 400, "a pod of finetune")
    store_away()
    time.sleep(60)
    store_away()
    kfp.podtune("wait", run)


def test_submit_tries_again_by_itself(kfp: Cluster, tmp_path: Path) -> None:
    """`--attempts` has lost pods tried again without anybody's help."""
    command = ("submit", RECIPE, "--wait", "--attempts", "3", *LONG, "--set", fresh(), "--json")
    result = []
    following = threading.Thread(target=lambda: result.append(kfp.podtune(*command)))
    following.start()
    newest = until(lambda: json.loads(kfp.podtune("runs", "--last", "1", "--json").stdout), 60, "a run")[0]
    kfp.kubectl("delete", kfp.training_pod(f"pipeline/runid={newest['id']}"), "--wait=false")
    following.join()
    assert [done.returncode for done in result] == [0]
    assert "| Times resumed | 1 |" in kfp.card(tmp_path / "release")
