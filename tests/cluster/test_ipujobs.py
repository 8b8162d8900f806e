"""IPUJobs on a real API server, with this process as their operator: it runs a job's worker on a CPU.

The namespace podtune-ipu, its roles (manifests/) and the CRD have to be there.
"""

import json
import subprocess
import threading
from pathlib import Path
from typing import Any, Dict, Iterator, List

import pytest
from podtune.image_names import image_of
from podtune.jobs.ipujob import CONTAINER
from podtune.jobs.work import NAMESPACE
from real_cluster import LONG, RECIPE, Cluster, fresh, until

pytestmark = pytest.mark.cluster

KUBECTL = ["kubectl", "--namespace", NAMESPACE]


def _worker_of(job: Dict[str, Any]) -> Dict[str, Any]:
    """The pod that the operator would make, for a machine without IPUs."""
    template = job["spec"]["workers"]["template"]
    spec = {**template["spec"], "hostIPC": False}
    (container,) = spec["containers"]
    work = json.loads(container["args"][0])
    work["arguments"]["device"] = "cpu"
    container.update(image=image_of("cpu"), resources={"requests": {"cpu": "200m", "memory": "1G"}})
    container["args"][0] = json.dumps(work)
    volumes = [{"name": volume["name"], "emptyDir": {}} for volume in spec["volumes"]]
    owner = {"apiVersion": job["apiVersion"], "kind": job["kind"], "name": job["metadata"]["name"]}
    metadata = {
        **template["metadata"],
        "name": f"{owner['name']}-worker-0",
        "ownerReferences": [{**owner, "uid": job["metadata"]["uid"]}],
    }
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {**spec, "volumes": volumes}}


def _jobs() -> List[Dict[str, Any]]:
    done = subprocess.run([*KUBECTL, "get", "ipujobs", "--output", "json"], capture_output=True, check=True)
    return list(json.loads(done.stdout)["items"])


@pytest.fixture
def operator(kfp: Cluster) -> Iterator[None]:
    """Make a worker for each job that has none."""
    ended = threading.Event()

    def operate() -> None:
        while not ended.wait(2):
            for job in _jobs():
                # A worker that exists already is refused, and goes on
                worker = json.dumps(_worker_of(job)).encode()
                subprocess.run([*KUBECTL, "create", "--filename", "-"], check=False, input=worker, capture_output=True)

    thread = threading.Thread(target=operate)
    thread.start()
    yield
    ended.set()
    thread.join()


@pytest.mark.usefixtures("operator")
def test_training_and_evaluation_are_ipujobs(kfp: Cluster, tmp_path: Path) -> None:
    """A release, and no job is left."""
    kfp.podtune("submit", RECIPE, "--wait", "--device", "ipu", "--set", fresh())
    assert "podtune run recipe.yaml" in kfp.card(tmp_path / "release")
    assert _jobs() == []


@pytest.mark.usefixtures("operator")
def test_a_cancelled_run_leaves_no_job(kfp: Cluster) -> None:
    """The step is dead at once; its job ends by itself within minutes."""
    change = ("--device", "ipu", *LONG, "--set", fresh())
    run = json.loads(kfp.podtune("submit", RECIPE, *change, "--json").stdout)["run"]
    until(_jobs, 400, "the run's IPUJob")
    logs = [*KUBECTL, "logs", f"{_jobs()[0]['metadata']['name']}-worker-0", "--container", CONTAINER]
    trains = lambda: b"step 10" in subprocess.run(logs, check=False, capture_output=True).stdout  # noqa: E731
    until(trains, 400, "a worker that trains")
    kfp.podtune("cancel", run)
    until(lambda: not _jobs(), 400, "the end of the run's IPUJob")
