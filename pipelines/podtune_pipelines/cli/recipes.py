"""`podtune recipes`: what there is to run."""

import json

from rich.console import Console
from rich.table import Column, Table

from podtune_pipelines.cli.options import JsonOption
from podtune_pipelines.recipe import load_recipe, packaged_recipes, recipe_header


def recipes(as_json: JsonOption = False) -> None:
    """List the recipes that come with podtune."""
    found = [(load_recipe(path.stem), recipe_header(path)) for path in packaged_recipes()]
    if as_json:
        rows = [{"name": recipe.name, "task": recipe.task, "about": header} for recipe, header in found]
        print(json.dumps(rows, indent=1))
        return
    table = Table(Column("recipe", no_wrap=True), "what it is")
    for recipe, header in found:
        table.add_row(recipe.name, header.splitlines()[0])
    Console().print(table)
