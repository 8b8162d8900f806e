"""`podtune submit`: a recipe's pipeline on a cluster."""

import sys
from dataclasses import replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Annotated

import typer

from podtune_pipelines.cli import options
from podtune_pipelines.cli.checked import checked_for_cluster
from podtune_pipelines.cli.runs import Attempts, follow_to_end

if TYPE_CHECKING:
    from podtune_pipelines.cluster.versions import Version
    from podtune_pipelines.recipe import Recipe


def submit(
    recipe: options.Recipe,
    changes: options.Changes = options.NO_CHANGES,
    host: options.Host = "",
    namespace: options.Namespace = "",
    device: options.Device = "cpu",
    devices: options.Devices = 1,
    nodes: options.Nodes = 0,
    hours: options.Hours = options.A_WEEK,
    store: options.ClusterStore = "",
    workspace: options.Workspace = "",
    experiment: options.Experiment = "podtune",
    pipeline_root: options.PipelineRoot = "",
    service_account: options.ServiceAccount = "",
    placement: options.Placement = "",
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Run every step, whatever earlier runs left.")] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Follow the run to its end and exit as it ends.")] = False,
    attempts: Attempts = 1,
    timeout: options.Timeout = 0.0,
    start_within: options.StartWithin = 0.0,
    interval: options.Interval = 5.0,
    as_json: options.Json = False,
) -> None:
    """Run a recipe on a KFP cluster.

    Prints the run's address. Each distinct pipeline is uploaded once.
    """
    from podtune_pipelines.cluster.client import connect
    from podtune_pipelines.cluster.runs import Conditions, start_run
    from podtune_pipelines.cluster.versions import upload_pipeline
    from podtune_pipelines.cluster.waiting import Patience
    from podtune_pipelines.graphs import arguments_of, pipeline_of
    from podtune_pipelines.placement import Placement
    from podtune_pipelines.pods.placement_file import load_pods
    from podtune_pipelines.recipe import load_recipe

    loaded, pods = load_recipe(recipe, changes), load_pods(placement)
    conditions = Conditions(experiment, pipeline_root, service_account or pods.account)
    where = Placement(device, devices, nodes, hours=hours, pods=pods)
    where = checked_for_cluster(loaded, where, store=store, workspace=workspace)
    cluster = connect(host, namespace)
    arguments = arguments_of(loaded, store=store, workspace=workspace)
    where = replace(where, pods=pods.without_cache() if no_cache else pods)
    version = upload_pipeline(cluster, loaded, pipeline_of, arguments, where)
    print_version(loaded, version)
    name = f"podtune-{loaded.name} {datetime.now(timezone.utc):%Y-%m-%d %H:%M:%S}"
    run = start_run(cluster, version, name, conditions)
    if not as_json:
        print(run.url, flush=True)
    elif not wait:
        options.print_json({"run": run.id, "url": run.url, "version": version.name})
    if wait:
        patience = Patience(interval, timeout, start_limit=60 * start_within)
        follow_to_end(cluster, run.id, patience, as_json=as_json, attempts=attempts)


def print_version(recipe: "Recipe", version: "Version") -> None:
    """Print to stderr which version runs."""
    state = "was uploaded" if version.uploaded else "is on the cluster already"
    print(f"version {version.name} of podtune-{recipe.name} {state}", file=sys.stderr)
