"""The pipeline of a recipe, with the recipe's sections as its parameters."""

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Dict, Sequence, cast

from kfp import compiler, dsl
from podtune.artifacts import Features, Release
from podtune.errors import BadInput
from podtune.image_names import image_of
from podtune.sections import to_mapping
from podtune.stores.opening import refuse_secrets

from podtune_pipelines.placement import Placement, add_step
from podtune_pipelines.recipe import Recipe

Section = Dict[str, Any]


@dataclass(frozen=True)
class Prepared:
    """The outputs of the preparing steps, as KFP's channels."""

    raw_data: Any
    base_model: Any
    prepared_data: Any


@dataclass(frozen=True)
class Settings:
    """The pipeline's other parameters, as KFP's channels."""

    training: Any
    evaluation: Any
    gate: Any
    card: Any
    release: Any
    command: Any
    store: Any
    workspace: Any


Finish = Callable[[Prepared, Settings], Any]
"""Adds to the pipeline that is being defined what comes after its preparation; returns its output's channel."""


def pipeline_of(recipe: Recipe, placement: Placement) -> Any:
    """Define the recipe's pipeline; its sections are the parameters, so that a run may change them."""

    def finish(prepared: Prepared, settings: Settings) -> Any:
        return finetune_and_release(prepared, settings, placement)

    return define_pipeline(recipe, placement, finish, Release)


def define_pipeline(recipe: Recipe, placement: Placement, finish: Finish, returned: Any) -> Any:
    """Define a pipeline that prepares a recipe and goes on as `finish` says; `returned` is the type of its output."""
    if placement.device == "ipu" and recipe.training.ipu is None:
        raise BadInput(f"{recipe.name} has no section training.ipu, which places its model on IPUs; add one")

    def pipeline(  # noqa: PLR0913, PLR0917  # KFP passes them by name
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
        prepared = _prepare(recipe, placement, source, model, features)
        return finish(prepared, Settings(training, evaluation, gate, card, release, command, store, workspace))

    pipeline.__annotations__["return"] = returned  # from which KFP learns it
    return dsl.pipeline(name=f"podtune-{recipe.name}", description=recipe.card.description)(pipeline)


def preparation_of(recipe: Recipe, placement: Placement) -> Any:
    """Define the preparing steps alone: what `plan` needs to count and to measure."""

    @dsl.pipeline(name=f"podtune-{recipe.name}-preparation", description=recipe.card.description)
    def preparation(source: Section, model: Section, features: Section) -> Features:
        return cast(Features, _prepare(recipe, placement, source, model, features).prepared_data)

    return preparation


def _prepare(recipe: Recipe, placement: Placement, source: Any, model: Any, features: Any) -> Prepared:
    """Add the preparing steps, the last of which is the task's own."""
    raw_data = add_step("fetch_data", placement, source=source)["raw_data"]
    base_model = add_step("fetch_model", placement, model=model)["base_model"]
    inputs = {"raw_data": raw_data, "base_model": base_model}
    prepared = add_step(recipe.of_task.preparation, placement, **inputs, features=features)
    return Prepared(**inputs, prepared_data=prepared["prepared_data"])


def finetune_and_release(prepared: Prepared, settings: Settings, placement: Placement) -> Any:
    """Add the steps that follow every preparation; return the release's channel."""
    checkpoint = _finetune(prepared, settings, placement)
    scores = _evaluate(prepared.prepared_data, checkpoint, settings, placement)
    release = {"release": settings.release, "store": settings.store}
    verdict = add_step("compare", placement, scores=scores, gate=settings.gate, **release)["verdict"]
    model_card = add_step(
        "write_card",
        placement,
        raw_data=prepared.raw_data,
        base_model=prepared.base_model,
        prepared_data=prepared.prepared_data,
        checkpoint=checkpoint,
        scores=scores,
        verdict=verdict,
        card=settings.card,
        release=settings.release,
        command=settings.command,
    )["model_card"]
    model = {"checkpoint": checkpoint, "scores": scores, "verdict": verdict, "model_card": model_card}
    return add_step("publish", placement, **model, **release)["published"]


def _finetune(prepared: Prepared, settings: Settings, placement: Placement) -> Any:
    """Add the training; return the checkpoint's channel."""
    inputs = {"prepared_data": prepared.prepared_data, "base_model": prepared.base_model}
    common = {**inputs, "training": settings.training, "workspace": settings.workspace}
    if placement.by_ipujobs:
        return add_step("finetune_on_ipu", placement, **common, image=image_of("ipu"))["checkpoint"]
    return add_step("finetune", placement, **common, device=placement.device)["checkpoint"]


def _evaluate(prepared_data: Any, checkpoint: Any, settings: Settings, placement: Placement) -> Any:
    """Add the evaluation; return the scores' channel."""
    common = {"prepared_data": prepared_data, "checkpoint": checkpoint, "evaluation": settings.evaluation}
    if placement.by_ipujobs:
        image = image_of("ipu")
        return add_step("evaluate_on_ipu", placement, **common, workspace=settings.workspace, image=image)["scores"]
    return add_step("evaluate", placement, **common, device=placement.device)["scores"]


def write_pipeline(recipe: Recipe, placement: Placement, arguments: Dict[str, Any], target: Path) -> None:
    """Compile a recipe's pipeline to IR YAML; a parameter without an argument has to be passed to each run."""
    compile_to(pipeline_of(recipe, placement), arguments, target)


def compile_to(pipeline: Any, arguments: Dict[str, Any], target: Path) -> None:
    """Write a pipeline as IR YAML, with these arguments as its parameters' defaults."""
    target.parent.mkdir(parents=True, exist_ok=True)
    compiler.Compiler().compile(pipeline, str(target), pipeline_parameters=arguments)


def arguments_of(recipe: Recipe, command: str, **uris: str) -> Dict[str, Any]:
    """The pipeline's arguments; `uris` are store and workspace, those without a value left out."""
    for uri in uris.values():
        refuse_secrets(uri)
    sections = to_mapping(recipe)
    arguments = {key: value for key, value in sections.items() if key not in ("name", "task")}
    return {**arguments, "command": command, **{key: value for key, value in uris.items() if value}}


def preparing_arguments_of(recipe: Recipe) -> Dict[str, Any]:
    """The preparation's arguments."""
    sections = to_mapping(recipe)
    return {key: sections[key] for key in ("source", "model", "features")}


def command_of(recipe: str, changes: Sequence[str]) -> str:
    """The command that reproduces a run, for its card."""
    options = [part for change in changes for part in ("--set", shlex.quote(change))]
    return " ".join(["podtune run", recipe, *options])
