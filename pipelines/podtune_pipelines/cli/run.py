"""`podtune run`: the whole pipeline on this machine."""

import dataclasses
import json
import sys
from pathlib import Path

from podtune.formats.release import RELEASE

from podtune_pipelines.cli.options import (
    DEFAULT_STORE,
    NO_CHANGES,
    DeviceOption,
    HomeOption,
    JsonOption,
    RecipeArgument,
    SetOption,
    StoreOption,
)
from podtune_pipelines.recipe import load_recipe


def run(
    recipe: RecipeArgument,
    changes: SetOption = NO_CHANGES,
    device: DeviceOption = "cpu",
    store: StoreOption = DEFAULT_STORE,
    home: HomeOption = Path(".podtune"),
    as_json: JsonOption = False,
) -> None:
    """Run a recipe from data to release; what is unchanged since an earlier run is reused."""
    from podtune_pipelines.graphs import command_of
    from podtune_pipelines.local_run import Home, reusable_here, run_here

    loaded, directory = load_recipe(recipe, changes), Home(home)
    reused = [step for step, outputs in reusable_here(loaded, directory, device).items() if outputs]
    if reused:
        print(f"reused, because nothing they depend on has changed: {', '.join(reused)}", file=sys.stderr)
    release = run_here(loaded, command_of(recipe, changes), directory, store, device)
    _show(release, as_json)


def _show(release: Path, as_json: bool) -> None:
    facts = RELEASE.open(release).facts
    if as_json:
        print(json.dumps({**dataclasses.asdict(facts), "record": str(release)}, indent=1))
    else:
        print(f"{facts.name} version {facts.version} is live in {facts.store}")
