"""`podtune run`: the whole pipeline on this machine."""

from pathlib import Path

from podtune_pipelines.cli.options import (
    DEFAULT_STORE,
    DeviceOption,
    HomeOption,
    JsonOption,
    RecipeArgument,
    SetOption,
    StoreOption,
)
from podtune_pipelines.graphs import command_of
from podtune_pipelines.local_run import Home, run_here
from podtune_pipelines.recipe import load_recipe


def run(
    recipe: RecipeArgument,
    changes: SetOption = (),
    device: DeviceOption = "cpu",
    store: StoreOption = DEFAULT_STORE,
    home: HomeOption = Path(".podtune"),
    as_json: JsonOption = False,
) -> None:
    """Run a recipe from data to release."""
    places = Home(home)
    finished = run_here(load_recipe(recipe, changes), command_of(recipe, changes), places, store, device)
    print(finished)
