"""The pipeline of a recipe, with the recipe's sections as its parameters."""

import tempfile
from inspect import Parameter, Signature
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, cast

import yaml
from podtune.errors import naming
from podtune.sections import to_mapping
from podtune.stores.opening import refuse_secrets

from podtune_pipelines.kfp_compiler import compiler, dsl
from podtune_pipelines.placement import Placement, add_step
from podtune_pipelines.pods.kfp_pod import refusals
from podtune_pipelines.recipe import Recipe

Section = Dict[str, Any]

Channels = Dict[str, Any]
"""The parameters and artifacts of the pipeline that is being defined, by name."""

_SECTIONS = ("source", "model", "features", "training", "evaluation", "gate", "card", "release")
_PARAMETERS = {**dict.fromkeys(_SECTIONS, Section), **dict.fromkeys(("store", "workspace"), str)}
"""A pipeline's parameters and their types."""


def pipeline_of(recipe: Recipe, placement: Placement) -> Any:
    """Define the recipe's pipeline; its sections are the parameters, so that a run may change them."""
    from podtune.artifacts import Release

    def finish(channels: Channels) -> Any:
        _finetune_and_release(placement, channels)
        return channels["published"]

    return _define_pipeline(recipe, placement, finish, Release)


def scheduled_pipeline_of(recipe: Recipe, placement: Placement) -> Any:
    """Define the recipe's pipeline, but for schedules: it stops before training if nothing changed.

    It has the name of the recipe's own, so that KFP reuses the results of both, but is a graph of its own: a condition
    hides what is inside it from KFP's local runner, and from whoever reads the graph of a run that somebody started
    by hand, which always trains.
    """

    def finish(channels: Channels) -> None:
        add_step("check_unchanged", placement, channels)
        with dsl.If(channels["Output"] == "train"):
            _finetune_and_release(placement, channels)

    return _define_pipeline(recipe, placement, finish, None)


def _define_pipeline(recipe: Recipe, placement: Placement, finish: Callable[[Channels], Any], returned: Any) -> Any:
    """Define a pipeline that prepares a recipe; `finish` adds the other steps and returns the output, of this type."""
    if placement.device == "ipu":
        recipe.training.on_ipus()
    placement.pods.refuse(list(refusals(placement.pods, by_ipujobs=placement.by_ipujobs)))

    def pipeline(*values: Any) -> Any:
        channels = {**dict(zip(_PARAMETERS, values)), "device": placement.device, **_job(placement)}
        _prepare(recipe, placement, channels)
        return finish(channels)

    def told_pipeline(*values: Any) -> None:
        channels = dict(zip(_PARAMETERS, values))
        with dsl.ExitHandler(add_step("notify", placement, channels)):
            pipeline(*values)

    tells = recipe.release.notify and not placement.on_this_machine  # where the command itself tells
    # From which KFP learns the parameters, whose values it passes in this order
    parameters = [Parameter(name, Parameter.POSITIONAL_ONLY, annotation=kind) for name, kind in _PARAMETERS.items()]
    defined: Any = told_pipeline if tells else pipeline
    defined.__signature__ = Signature(parameters, return_annotation=None if tells else returned)  # PEP 362's
    return dsl.pipeline(
        name=f"podtune-{recipe.slug}",
        description=recipe.card.description,
        pipeline_root=placement.pods.run.pipelineRoot,
        pipeline_config=_ends(placement),
    )(defined)


def _ends(placement: Placement) -> Optional[dsl.PipelineConfig]:
    """When a run is ended, and when what is left of it goes; None for never."""
    seconds, kept = round(3600 * placement.hours) or None, placement.pods.run.ttlSecondsAfterFinished
    if not seconds and not kept:
        return None
    return dsl.PipelineConfig(active_deadline_seconds=seconds, ttl_seconds_after_finished=kept)


def preparation_of(recipe: Recipe, placement: Placement) -> Any:
    """Define the preparing steps alone: what `plan` needs to count and to measure."""
    from podtune.artifacts import Features

    @dsl.pipeline(name=f"podtune-{recipe.slug}-preparation", description=recipe.card.description)
    def preparation(source: Section, model: Section, features: Section) -> Features:
        channels: Channels = {"source": source, "model": model, "features": features}
        _prepare(recipe, placement, channels)
        return cast(Features, channels["prepared_data"])

    return preparation


def _prepare(recipe: Recipe, placement: Placement, channels: Channels) -> None:
    """Add the preparing steps, the last of which is the task's own; on a cluster the store is looked at before."""
    first = None if placement.on_this_machine else add_step("check_store", placement, channels)
    for step in ("fetch_data", "fetch_model"):
        add_step(step, placement, channels, after=first)
    add_step(recipe.of_task.preparation, placement, channels)


def _job(placement: Placement) -> Dict[str, str]:
    """What a step that has a job do its work says of the job."""
    return {
        "image": placement.image("gpu" if placement.nodes else "ipu"),
        "nodes": f"{placement.nodes}x{placement.devices}",
    }


def _finetune_and_release(placement: Placement, channels: Channels) -> None:
    """Add the steps that follow every preparation."""
    finetune = "finetune_on_nodes" if placement.nodes else "finetune"
    computing = ("finetune_on_ipu", "evaluate_on_ipu") if placement.by_ipujobs else (finetune, "evaluate")
    for step in (*computing, "compare", "write_card", "publish"):
        add_step(step, placement, channels)


def compiled_text(recipe: Recipe, placement: Placement, arguments: Dict[str, Any]) -> str:
    """Compile a recipe's pipeline to IR YAML; a parameter without an argument has to be passed to each run.

    The same pipeline is the same text: KFP writes mappings in an order of its own each time.
    """
    text = compile_pipeline(pipeline_of(recipe, placement), arguments)
    about = "".join(line for line in text.splitlines(keepends=True) if line.startswith("#"))
    return about + yaml.safe_dump_all(read_compiled(text), sort_keys=True, allow_unicode=True)


def compile_pipeline(pipeline: Any, arguments: Dict[str, Any]) -> str:
    """Compile a pipeline to IR YAML as KFP writes it, with these arguments as its parameters' defaults."""
    with tempfile.TemporaryDirectory() as directory, naming(Path(directory)):
        target = Path(directory) / "pipeline.yaml"
        compile_to(pipeline, arguments, target)
        return target.read_text(encoding="utf-8")


def read_compiled(text: str) -> List[Any]:
    """Read the documents of a compiled pipeline, by libyaml where PyYAML has it, which is ten times as fast."""
    return list(yaml.load_all(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)))  # safe ones


def compile_to(pipeline: Any, arguments: Dict[str, Any], target: Path) -> None:
    """Write a pipeline as IR YAML, with these arguments as its parameters' defaults."""
    target.parent.mkdir(parents=True, exist_ok=True)
    compiler.Compiler().compile(pipeline, str(target), pipeline_parameters=arguments)


def arguments_of(recipe: Recipe, **uris: str) -> Dict[str, Any]:
    """The pipeline's arguments; `uris` are store and workspace, those without a value left out."""
    for uri in uris.values():
        refuse_secrets(uri)
    sections = to_mapping(recipe)
    return {**{key: sections[key] for key in _SECTIONS}, **{key: value for key, value in uris.items() if value}}


def preparing_arguments_of(recipe: Recipe) -> Dict[str, Any]:
    """The preparation's arguments."""
    sections = to_mapping(recipe)
    return {key: sections[key] for key in ("source", "model", "features")}
