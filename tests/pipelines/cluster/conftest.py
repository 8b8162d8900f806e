from pathlib import Path
from typing import Any, Callable

import pytest
from podtune_pipelines.cluster.client import Cluster, connect
from podtune_pipelines.cluster.versions import Version, upload_once


@pytest.fixture
def cluster(fake_kfp: Any) -> Cluster:
    return connect(fake_kfp.host)


@pytest.fixture
def upload(cluster: Cluster, tmp_path: Path) -> Callable[..., Version]:
    """A function (text) that uploads a pipeline with that in it."""

    def run(text: str = "root: {b: 1, a: 2}", name: str = "podtune-qa") -> Version:
        package = tmp_path / "pipeline.yaml"
        package.write_text(text)
        return upload_once(cluster, name, package)

    return run
