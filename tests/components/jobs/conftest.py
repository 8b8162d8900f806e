"""A cluster whose operator a test plays, or that really runs a worker's command on this machine."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, Callable, Iterator, List

import pytest
from kubernetes_api import NAMESPACE, TOKEN, Kubernetes, serving


@pytest.fixture
def kubernetes() -> Iterator[Kubernetes]:
    with serving() as api:
        yield api


@pytest.fixture
def cluster_of(kubernetes: Kubernetes) -> Callable[[Any], Any]:
    """A function that gives the cluster of a kind."""
    from kubernetes import client  # not in the IPU image, whose part of this package is tested there too
    from podtune.jobs.cluster import Cluster

    configuration = client.Configuration(host=kubernetes.address, api_key={"authorization": TOKEN})
    return lambda kind: Cluster(client.ApiClient(configuration), kind, NAMESPACE, patience=5.0)


@pytest.fixture
def cluster(cluster_of: Callable[[Any], Any]) -> Any:
    from podtune.jobs.ipujob import IpuJob

    return cluster_of(IpuJob())


@pytest.fixture
def kubeconfig(kubernetes: Kubernetes, tmp_path: Path) -> Path:
    """What leads another process to the API."""
    user = {"name": "u", "user": {"token": TOKEN.partition(" ")[2]}}
    context = {"name": "c", "context": {"cluster": "k", "user": "u"}}
    clusters = [{"name": "k", "cluster": {"server": kubernetes.address}}]
    content = {"clusters": clusters, "users": [user], "contexts": [context], "current-context": "c"}
    (tmp_path / "kubeconfig").write_text(json.dumps({"apiVersion": "v1", "kind": "Config", **content}))
    return tmp_path / "kubeconfig"


@pytest.fixture
def node(kubernetes: Kubernetes, tmp_path: Path) -> Iterator[List["subprocess.Popen[bytes]"]]:
    """An operator that runs each worker's command on this machine, on its CPU if need be; what it has started."""
    started: List["subprocess.Popen[bytes]"] = []

    def run(name: str) -> None:
        container = kubernetes.jobs[name]["spec"]["workers"]["template"]["spec"]["containers"][0]
        work, scratch = container["args"][0], tmp_path / "scratch" / name
        if not kubernetes.node_environment:
            work = work.replace('"device": "ipu"', '"device": "cpu"')
        message = tmp_path / f"{name}-message.json"
        scratch.mkdir(parents=True, exist_ok=True)
        own = {"PODTUNE_MESSAGE_FILE": str(message), "OMP_NUM_THREADS": "1", **kubernetes.node_environment}
        command = [sys.executable, *container["command"][1:], work, str(scratch)]
        process = subprocess.Popen(
            command, env={**os.environ, **own}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True
        )
        started.append(process)
        kubernetes.make_pod(name)
        kubernetes.start(name)
        assert process.stdout is not None
        for line in process.stdout:
            if name in kubernetes.pods:
                kubernetes.say(name, line.decode().rstrip("\n"))
        process.wait()
        said = json.loads(message.read_text())["message"] if message.exists() else ""
        if name in kubernetes.pods:
            kubernetes.end(name, process.returncode, said)

    def end_what_was_deleted() -> None:
        asked = 0
        while not done.wait(0.05):
            if not kubernetes.pods and len(started) > asked:
                started[-1].terminate()
                asked = len(started)

    done = threading.Event()
    kubernetes.operator = run
    watching = threading.Thread(target=end_what_was_deleted)
    watching.start()
    yield started
    done.set()
    watching.join()
    for process in started:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


@pytest.fixture
def ipus(kubernetes: Kubernetes) -> None:
    """Have the workers find a PopTorch that needs no IPU (tests/poptorch_layer)."""
    tests = Path(__file__).parents[2]
    kubernetes.node_environment = {
        "PYTHONPATH": os.pathsep.join([str(tests / "poptorch_layer" / "package"), str(tests)])
    }


@pytest.fixture
def nodes(kubernetes: Kubernetes, tmp_path: Path) -> Iterator[List["subprocess.Popen[bytes]"]]:
    """A Trainer that runs a TrainJob's command on this machine's CPU as so many nodes with a disk each, and all of them
    again on new disks where one was lost or asked to end; what it has started."""
    started: List["subprocess.Popen[bytes]"] = []

    def attempt(name: str, number: int) -> List[int]:
        trainer, port = kubernetes.jobs[name]["spec"]["trainer"], _free_port()
        work = trainer["args"][0].replace('"device": "gpu"', '"device": "cpu"')
        kubernetes.make_nodes(name, number)
        disks, processes = [], []
        for rank in range(trainer["numNodes"]):
            disk = tmp_path / "disks" / str(number) / str(rank)
            disk.mkdir(parents=True)
            place = {"NNODES": trainer["numNodes"], "NODE_RANK": rank, "NPROC_PER_NODE": 1}
            own = {**place, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
            variables = {f"PET_{key}": str(value) for key, value in own.items()}
            left = {"PODTUNE_MESSAGE_FILE": str(disk / "message.json"), "OMP_NUM_THREADS": "1"}
            with (disk / "log").open("wb") as log:
                processes.append(
                    subprocess.Popen(
                        [sys.executable, *trainer["command"][1:], work, str(disk / "scratch")],
                        env={**os.environ, **variables, **left},
                        stdout=log,
                        stderr=subprocess.STDOUT,
                        start_new_session=True,
                    )
                )
            disks.append(disk)
        started.extend(processes)
        for handle in (name, f"{name}.1"):
            kubernetes.start(handle)
        codes = [process.wait() for process in processes]
        for handle, disk, code in zip((name, f"{name}.1"), disks, codes):
            message = disk / "message.json"
            for line in (disk / "log").read_text().splitlines():
                kubernetes.say(handle, line)
            kubernetes.end(handle, code, json.loads(message.read_text())["message"] if message.exists() else "")
        return codes

    def run(name: str) -> None:
        number, codes = 0, [75]
        while {75, 143} & set(codes):  # as the runtime's failure policy has it
            codes = attempt(name, number)
            number += 1
        failed = any(codes)
        reason = "FailJobSetFailurePolicyAction" if failed else "AllJobsCompleted"
        kubernetes.set_condition(name, "Failed" if failed else "Complete", reason)

    kubernetes.operator = run
    yield started
    for process in started:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
