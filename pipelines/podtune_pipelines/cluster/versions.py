"""Pipelines and their versions on a cluster: compiled, and each distinct one uploaded once."""

import hashlib
import json
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Callable, Dict, Optional

import kfp_server_api
from podtune import __version__

from podtune_pipelines.cluster.client import Cluster, Taken, where
from podtune_pipelines.graphs import compile_to, read_compiled
from podtune_pipelines.identity import unpinned_steps
from podtune_pipelines.placement import Placement
from podtune_pipelines.recipe import Recipe

Define = Callable[[Recipe, Placement], Any]


@dataclass(frozen=True)
class Version:
    """A pipeline's version as the cluster knows it."""

    pipeline: str
    """The pipeline's ID."""

    version: str
    """The version's ID."""

    name: str
    uploaded: bool
    """Whether it was uploaded now; otherwise the cluster had it."""


def upload_pipeline(
    cluster: Cluster, recipe: Recipe, define: Define, arguments: Dict[str, Any], placement: Placement
) -> Version:
    """Compile one of a recipe's pipelines with these arguments, and upload it unless the cluster has it."""
    placement = replace(placement, unpinned=unpinned_steps(recipe))
    with tempfile.TemporaryDirectory() as directory:
        package = Path(directory) / "pipeline.yaml"
        compile_to(define(recipe, placement), arguments, package)
        return upload_once(cluster, f"podtune-{recipe.name}", package)


def upload_once(cluster: Cluster, pipeline: str, package: Path) -> Version:
    """The version that holds the compiled pipeline in `package`; uploaded only if the cluster has none."""
    identity, name = _pipeline(cluster, pipeline), content_name(package)
    found = _find_version(cluster, identity, name)
    if found:
        return Version(identity, found, name, uploaded=False)
    try:
        made = cluster.call(
            cluster.client.upload_pipeline_version, str(package), pipeline_version_name=name, pipeline_id=identity
        )
        return Version(identity, made.pipeline_version_id, name, uploaded=True)
    except Taken:
        found = _find_version(cluster, identity, name)
        if not found:
            raise
        return Version(identity, found, name, uploaded=False)


def content_name(package: Path) -> str:
    """A version's name: podtune's version, and a hash of the pipeline that ignores the order of keys."""
    documents = read_compiled(package.read_text(encoding="utf-8"))
    digest = hashlib.sha256(json.dumps(documents, sort_keys=True).encode()).hexdigest()
    return f"{__version__}-{digest[:16]}"


def _pipeline(cluster: Cluster, name: str) -> str:
    """The ID of the pipeline of this name, which is created if there is none."""
    found = _find_pipeline(cluster, name)
    if found:
        return found
    wanted = kfp_server_api.V2beta1Pipeline(display_name=name, namespace=cluster.namespace)
    try:
        # upload_pipeline would create a first version whose name does not identify its content
        made = cluster.call(cluster.client.pipelines.pipeline_service_create_pipeline, pipeline=wanted)
        return str(made.pipeline_id)
    except Taken:
        found = _find_pipeline(cluster, name)
        if not found:
            raise
        return found


def _find_pipeline(cluster: Cluster, name: str) -> Optional[str]:
    method, namespace = cluster.client.list_pipelines, cluster.namespace
    found = cluster.pages(method, "pipelines", filter=where("display_name", name), namespace=namespace)
    return next((str(pipeline.pipeline_id) for pipeline in found), None)


def _find_version(cluster: Cluster, pipeline: str, name: str) -> Optional[str]:
    method = cluster.client.list_pipeline_versions
    found = cluster.pages(method, "pipeline_versions", pipeline_id=pipeline, filter=where("display_name", name))
    return next((str(version.pipeline_version_id) for version in found), None)
