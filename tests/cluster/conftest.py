"""End to end on a real cluster. Every test is skipped, and counted, where the environment names none (README.md)."""

import os
import subprocess
import uuid
from typing import Callable, Iterator

import pytest
from real_cluster import Cluster


def _named(variable: str) -> str:
    value = os.environ.get(variable, "")
    if not value:
        pytest.skip(f"needs a cluster: {variable} is not set; see tests/cluster/README.md")
    return value


@pytest.fixture
def kfp() -> Cluster:
    """KFP's API server, and a prefix of this test's own in the store."""
    host, store = _named("PODTUNE_E2E_HOST"), f"{_named('PODTUNE_E2E_STORE')}/{uuid.uuid4().hex[:8]}"
    cluster = Cluster(os.environ.get("PODTUNE_E2E_NAMESPACE", "kubeflow"), store)
    cluster.environment = {
        "KF_PIPELINES_ENDPOINT": host,
        "PODTUNE_STORE": cluster.releases,
        "PODTUNE_WORKSPACE": f"{store}/training",
    }
    return cluster


@pytest.fixture
def argo() -> Cluster:
    """A namespace that Argo's controller watches, and a prefix of this test's own in the store."""
    namespace, store = _named("PODTUNE_E2E_ARGO_NAMESPACE"), f"{_named('PODTUNE_E2E_STORE')}/{uuid.uuid4().hex[:8]}"
    cluster = Cluster(namespace, store)
    cluster.environment = {"PODTUNE_STORE": cluster.releases, "PODTUNE_WORKSPACE": f"{store}/training"}
    return cluster


@pytest.fixture
def store_away() -> Iterator[Callable[[], None]]:
    """A switch: call it to take the steps' store away, again to bring it back."""
    namespace, _, service = _named("PODTUNE_E2E_STORE_SERVICE").partition("/")
    command = ["kubectl", "--namespace", namespace]
    port = ["get", "service", service, "--output", "jsonpath={.spec.ports[0].targetPort}"]
    there = subprocess.run([*command, *port], capture_output=True, text=True, check=True).stdout
    away = False

    def patch(target: str) -> None:
        number = target if target.isdigit() else f'"{target}"'
        operation = f'[{{"op":"replace","path":"/spec/ports/0/targetPort","value":{number}}}]'
        arguments = ["patch", "service", service, "--type", "json", "--patch", operation]
        subprocess.run([*command, *arguments], check=True, capture_output=True)

    def switch() -> None:
        nonlocal away
        away = not away
        patch("1" if away else there)

    yield switch
    if away:
        patch(there)
