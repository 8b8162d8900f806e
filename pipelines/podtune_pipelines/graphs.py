"""The pipeline of a recipe: its task's graph, with the recipe's sections as arguments."""

import shlex
from pathlib import Path
from typing import Any, Callable, Dict, Sequence, Tuple, cast

from kfp import compiler, dsl
from podtune.artifacts import Features, Release
from podtune.errors import BadInput
from podtune.sections import to_mapping
from podtune.steps.extract_lxmert.component import extract_lxmert
from podtune.steps.fetch_data.component import fetch_data
from podtune.steps.fetch_model.component import fetch_model
from podtune.steps.prepare_captions.component import prepare_captions
from podtune.steps.tokenize_squad.component import tokenize_squad
from podtune.stores.opening import refuse_secrets

from podtune_pipelines.placement import Placement, place
from podtune_pipelines.recipe import Recipe
from podtune_pipelines.releasing import Prepared, Settings, finetune_and_release

PREPARATIONS: Dict[str, Tuple[Any, str]] = {
    "tokenize_squad": (tokenize_squad, "windows"),
    "extract_lxmert": (extract_lxmert, "questions"),
    "prepare_captions": (prepare_captions, "captions"),
}
"""What differs between the tasks' graphs: the step that makes Features, and its name for the features section."""

PREPARING = ("source", "model", "features")
"""The sections that the preparing steps use, in every task."""

Section = Dict[str, Any]

Finish = Callable[[Prepared, Settings], Any]
"""Adds to the pipeline that is being defined what comes after its preparation; returns its output's channel."""


def pipeline_of(recipe: Recipe, placement: Placement) -> Any:
    """Define the recipe's pipeline; its sections are the parameters, so that a run may change them."""

    def finish(prepared: Prepared, settings: Settings) -> Any:
        return finetune_and_release(prepared, settings, placement)

    return define_pipeline(recipe, placement, finish, Release)


def define_pipeline(recipe: Recipe, placement: Placement, finish: Finish, returned: Any) -> Any:
    """Define a pipeline that prepares a recipe and goes on as `finish` says; `returned` is the type of its output."""
    require_place(recipe, placement)

    def whole(  # noqa: PLR0913, PLR0917  # KFP passes them by name
        source: Section,
        model: Section,
        features: Section,
        training: Section,
        evaluation: Section,
        gate: Section,
        card: Section,
        release: Section,
        command: str,
        store: str,
        workspace: str,
    ) -> Any:
        prepared = add_preparation(recipe, placement, source, model, features)
        return finish(prepared, Settings(training, evaluation, gate, card, release, command, store, workspace))

    whole.__annotations__["return"] = returned  # from which KFP learns it
    return dsl.pipeline(name=f"podtune-{recipe.name}", description=recipe.card.description)(whole)


def require_place(recipe: Recipe, placement: Placement) -> None:
    """Refuse IPUs for a recipe that does not say how its model lies on them."""
    if placement.device == "ipu" and recipe.training.ipu is None:
        raise BadInput(f"{recipe.name} has no section training.ipu, which says how its model lies on IPUs; add one")


def preparation_of(recipe: Recipe, placement: Placement) -> Any:
    """Define the preparing steps alone: what `plan` needs to count and to measure."""

    @dsl.pipeline(name=f"podtune-{recipe.name}-preparation", description=recipe.card.description)
    def prepare(source: Section, model: Section, features: Section) -> Features:
        return cast(Features, add_preparation(recipe, placement, source, model, features).features)

    return prepare


def add_preparation(recipe: Recipe, placement: Placement, source: Any, model: Any, features: Any) -> Prepared:
    """Add the preparing steps to the pipeline being defined."""
    step = recipe.of_task.preparation
    component, section = PREPARATIONS[step]
    raw_data = place(fetch_data(source=source), "fetch_data", placement).outputs["raw_data"]
    base_model = place(fetch_model(model=model), "fetch_model", placement).outputs["base_model"]
    prepared = component(raw_data=raw_data, base_model=base_model, **{section: features})
    return Prepared(raw_data, base_model, place(prepared, step, placement).outputs["features"])


def write_pipeline(recipe: Recipe, placement: Placement, arguments: Dict[str, Any], target: Path) -> None:
    """Compile a recipe's pipeline to IR YAML; an argument that is left out has to be given with each run."""
    compile_to(pipeline_of(recipe, placement), arguments, target)


def compile_to(pipeline: Any, arguments: Dict[str, Any], target: Path) -> None:
    """Write a pipeline as IR YAML, with these arguments as its parameters' defaults."""
    target.parent.mkdir(parents=True, exist_ok=True)
    compiler.Compiler().compile(pipeline, str(target), pipeline_parameters=arguments)


def arguments_of(recipe: Recipe, command: str, **places: str) -> Dict[str, Any]:
    """The pipeline's arguments; `places` are store and workspace, those without a value left out."""
    for uri in places.values():
        refuse_secrets(uri)
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
