"""`podtune argo`: the pipeline for a cluster with Argo Workflows and without KFP."""

from pathlib import Path
from typing import Annotated

import typer

from podtune_pipelines.cli.options import (
    NO_CHANGES,
    DeviceOption,
    DevicesOption,
    LaterStoreOption,
    LaterWorkspaceOption,
    RecipeArgument,
    SetOption,
)
from podtune_pipelines.recipe import load_recipe


def argo(
    recipe: RecipeArgument,
    to: Annotated[Path, typer.Option(help="The YAML file to write.")],
    changes: SetOption = NO_CHANGES,
    device: DeviceOption = "cpu",
    devices: DevicesOption = 1,
    store: LaterStoreOption = "",
    workspace: LaterWorkspaceOption = "",
    bucket: Annotated[
        str,
        typer.Option(
            help="With --device ipu: the bucket of Argo's artifact repository; if omitted, set it with each run."
        ),
    ] = "",
    cron: Annotated[
        str,
        typer.Option(
            metavar="'M H D M W'", help="Write a CronWorkflow too, in UTC; a run stops early if nothing changed."
        ),
    ] = "",
) -> None:
    """Write a recipe's pipeline as an Argo WorkflowTemplate.

    It runs on Argo Workflows 3.6 and later, without KFP.
    """
    from podtune_pipelines.argo.workflow import cron_workflow, workflow_template, write_documents
    from podtune_pipelines.compiled_graph import graph_of, scheduled_graph_of
    from podtune_pipelines.graphs import arguments_of, command_of
    from podtune_pipelines.placement import Placement

    loaded = load_recipe(recipe, changes)
    arguments = arguments_of(loaded, command_of(recipe, changes), store=store, workspace=workspace)
    graph = (scheduled_graph_of if cron else graph_of)(loaded, Placement(device, devices), arguments)
    template = workflow_template(graph, {**arguments, **({"bucket": bucket} if bucket else {})})
    write_documents([template, *([cron_workflow(template, cron)] if cron else [])], to)
    print(to)
