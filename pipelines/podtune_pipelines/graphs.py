"""The pipeline of a recipe: its task's graph, with the recipe's sections as arguments."""

import shlex
from typing import Any, Dict, Sequence

from podtune.sections import to_mapping

from podtune_pipelines.placement import Placement
from podtune_pipelines.question_answering import question_answering
from podtune_pipelines.recipe import Recipe

GRAPHS = {"question-answering": question_answering}


def graph_of(recipe: Recipe, placement: Placement) -> Any:
    """Define the recipe's pipeline, as KFP compiles or runs it."""
    return GRAPHS[recipe.task](f"podtune-{recipe.name}", recipe.card.description, placement)


def arguments_of(recipe: Recipe, command: str, **places: str) -> Dict[str, Any]:
    """The pipeline's arguments; `places` are store and workspace, those without a value left out."""
    sections = to_mapping(recipe)
    arguments = {key: value for key, value in sections.items() if key not in ("name", "task")}
    return {**arguments, "command": command, **{key: value for key, value in places.items() if value}}


def command_of(recipe: str, changes: Sequence[str]) -> str:
    """The command that reproduces a run, for its card."""
    options = [part for change in changes for part in ("--set", shlex.quote(change))]
    return " ".join(["podtune run", recipe, *options])
