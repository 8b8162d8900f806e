"""`podtune compile`: the pipeline as a KFP cluster takes it."""

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


def compile_recipe(
    recipe: RecipeArgument,
    to: Annotated[Path, typer.Option(help="The YAML file to write.")],
    changes: SetOption = NO_CHANGES,
    device: DeviceOption = "cpu",
    devices: DevicesOption = 1,
    store: LaterStoreOption = "",
    workspace: LaterWorkspaceOption = "",
) -> None:
    """Write a recipe's pipeline as IR YAML for KFP 2.17."""
    from podtune_pipelines.graphs import arguments_of, command_of, write_pipeline
    from podtune_pipelines.identity import unpinned_steps
    from podtune_pipelines.placement import Placement

    loaded = load_recipe(recipe, changes)
    arguments = arguments_of(loaded, command_of(recipe, changes), store=store, workspace=workspace)
    placement = Placement(device, devices, unpinned=unpinned_steps(loaded))
    write_pipeline(loaded, placement, arguments, to)
    print(to)
