"""The pipeline of a recipe: its task's graph, with the recipe's sections as arguments."""

import shlex
from pathlib import Path
from types import ModuleType
from typing import Any, Dict, Sequence

from kfp import compiler
from podtune.sections import to_mapping

from podtune_pipelines import question_answering
from podtune_pipelines.placement import Placement
from podtune_pipelines.recipe import Recipe

GRAPHS: Dict[str, ModuleType] = {"question-answering": question_answering}
"""Task to the module that defines its `pipeline` and its `preparation`."""

PREPARING = ("source", "model", "features")
"""The sections that the preparing steps use, in every task."""


def pipeline_of(recipe: Recipe, placement: Placement) -> Any:
    """Define the recipe's pipeline, as KFP compiles or runs it."""
    return GRAPHS[recipe.task].pipeline(f"podtune-{recipe.name}", recipe.card.description, placement)


def write_pipeline(recipe: Recipe, placement: Placement, arguments: Dict[str, Any], target: Path) -> None:
    """Compile a recipe's pipeline to IR YAML; an argument that is left out has to be given with each run."""
    target.parent.mkdir(parents=True, exist_ok=True)
    compiler.Compiler().compile(pipeline_of(recipe, placement), str(target), pipeline_parameters=arguments)


def preparation_of(recipe: Recipe, placement: Placement) -> Any:
    """Define the recipe's preparing steps alone."""
    return GRAPHS[recipe.task].preparation(f"podtune-{recipe.name}-preparation", recipe.card.description, placement)


def arguments_of(recipe: Recipe, command: str, **places: str) -> Dict[str, Any]:
    """The pipeline's arguments; `places` are store and workspace, those without a value left out."""
    sections = to_mapping(recipe)
    arguments = {key: value for key, value in sections.items() if key not in ("name", "task")}
    return {**arguments, "command": command, **{key: value for key, value in places.items() if value}}


def preparing_arguments_of(recipe: Recipe) -> Dict[str, Any]:
    """The preparation's arguments."""
    sections = to_mapping(recipe)
    return {key: sections[key] for key in PREPARING}


def command_of(recipe: str, changes: Sequence[str]) -> str:
    """The command that reproduces a run, for its card."""
    options = [part for change in changes for part in ("--set", shlex.quote(change))]
    return " ".join(["podtune run", recipe, *options])
