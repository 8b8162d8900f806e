"""`podtune compile` and `podtune argo`: a recipe's pipeline as a file for a cluster with KFP, or with Argo alone."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from podtune.stores.partial_file import write_whole

from podtune_pipelines.cli import options
from podtune_pipelines.cli.checked import checked_for_cluster

TargetOption = Annotated[Path, typer.Option(help="YAML file to write; - for stdout.")]


def compile_recipe(
    recipe: options.Recipe,
    to: TargetOption,
    changes: options.Changes = options.NO_CHANGES,
    device: options.Device = "cpu",
    devices: options.Devices = 1,
    nodes: options.Nodes = 0,
    hours: options.Hours = options.A_WEEK,
    store: options.LaterStore = "",
    workspace: options.LaterWorkspace = "",
    placement: options.Placement = "",
) -> None:
    """Compile a recipe's pipeline to IR YAML for KFP 2.17."""
    from podtune_pipelines.graphs import arguments_of, compiled_text
    from podtune_pipelines.identity import unpinned_steps
    from podtune_pipelines.placement import Placement
    from podtune_pipelines.pods.placement_file import load_pods
    from podtune_pipelines.recipe import load_recipe

    pods = load_pods(placement)
    if pods.account:
        elsewhere = "a compiled pipeline names no account; leave it out here, and name it when the run is started"
        pods.refuse([f"all.serviceAccountName: {elsewhere}"])
    loaded, where = load_recipe(recipe, changes), Placement(device, devices, nodes, hours=hours, pods=pods)
    where = checked_for_cluster(loaded, where, store=store, workspace=workspace, later=True)
    arguments = arguments_of(loaded, store=store, workspace=workspace)
    _write(compiled_text(loaded, replace(where, unpinned=unpinned_steps(loaded)), arguments), to)


def argo(
    recipe: options.Recipe,
    to: TargetOption,
    changes: options.Changes = options.NO_CHANGES,
    device: options.Device = "cpu",
    devices: options.Devices = 1,
    nodes: options.Nodes = 0,
    hours: options.Hours = options.A_WEEK,
    store: options.LaterStore = "",
    workspace: options.LaterWorkspace = "",
    placement: options.Placement = "",
    bucket: Annotated[
        str, typer.Option(help="With --device ipu: bucket of Argo's artifacts; if omitted, set it with each run.")
    ] = "",
    cron: Annotated[
        str,
        typer.Option(
            metavar="'M H D M W'",
            help="Also write a CronWorkflow, in UTC or the placement's zone; its runs stop early if nothing changed.",
        ),
    ] = "",
) -> None:
    """Compile a recipe's pipeline to an Argo WorkflowTemplate.

    It runs on Argo Workflows 3.6 and later without KFP.
    """
    from podtune_pipelines.argo.workflow import cron_workflow, text_of, workflow_template
    from podtune_pipelines.compiled_graph import graph_of, scheduled_graph_of
    from podtune_pipelines.graphs import arguments_of
    from podtune_pipelines.placement import Placement
    from podtune_pipelines.pods.placement_file import NOTHING, load_pods
    from podtune_pipelines.recipe import load_recipe

    loaded, pods = load_recipe(recipe, changes), load_pods(placement)
    where = Placement(device, devices, nodes, hours=hours, pods=pods)
    where = checked_for_cluster(loaded, where, store=store, workspace=workspace, later=True)
    arguments = arguments_of(loaded, store=store, workspace=workspace)
    graph = (scheduled_graph_of if cron else graph_of)(loaded, replace(where, pods=NOTHING), arguments)
    template = workflow_template(graph, {**arguments, **({"bucket": bucket} if bucket else {})}, pods)
    _write(text_of([template, *([cron_workflow(template, cron, pods.run.timeZone or "UTC")] if cron else [])]), to)


def _write(text: str, to: Path) -> None:
    """Write a file and print its name, or print the text itself for `-`."""
    if str(to) == "-":
        print(text, end="")
        return
    to.parent.mkdir(parents=True, exist_ok=True)
    if to.exists() and not to.is_file():
        to.write_text(text, encoding="utf-8")  # a pipe
    else:
        write_whole(to, text.encode("utf-8"))
    print(to)
