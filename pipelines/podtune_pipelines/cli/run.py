"""`podtune run`: the whole pipeline on this machine; and `podtune recipes`: what there is to run."""

import dataclasses
import sys
from pathlib import Path

from podtune.formats.release import RELEASE
from rich.console import Console
from rich.table import Column, Table

from podtune_pipelines.cli import options
from podtune_pipelines.recipe import load_recipe, packaged_recipes, recipe_header


def run(
    recipe: options.Recipe,
    changes: options.Changes = options.NO_CHANGES,
    device: options.Device = "cpu",
    store: options.Store = options.DEFAULT_STORE,
    home: options.Home = Path(".podtune"),
    as_json: options.Json = False,
) -> None:
    """Run a recipe from data to release on this machine.

    Steps whose settings, inputs and code have not changed since an earlier run are reused.
    """
    from podtune_pipelines.local_run import Home, reusable_locally, run_locally

    loaded, directory = load_recipe(recipe, changes), Home(home)
    reused = [step for step, outputs in reusable_locally(loaded, directory, device).items() if outputs]
    if reused:
        print(f"reused, because nothing they depend on has changed: {', '.join(reused)}", file=sys.stderr)
    release = run_locally(loaded, directory, store, device)
    facts = RELEASE.open(release).facts
    if as_json:
        options.print_json({**dataclasses.asdict(facts), "record": str(release)})
    else:
        print(f"{facts.name} version {facts.version} is live in {facts.store}")


def recipes(as_json: options.Json = False) -> None:
    """List the recipes that come with podtune."""
    found = [(load_recipe(path.stem), recipe_header(path)) for path in packaged_recipes()]
    if as_json:
        rows = [{"name": recipe.name, "task": recipe.task, "about": header} for recipe, header in found]
        options.print_json(rows)
        return
    table = Table(Column("recipe", no_wrap=True), "what it is")
    for recipe, header in found:
        table.add_row(recipe.name, header.splitlines()[0])
    Console().print(table)
