"""The tail that every pipeline shares: finetune, evaluate, compare, write_card, publish."""

from dataclasses import dataclass
from typing import Any

from podtune import image_names
from podtune.steps.compare.component import compare
from podtune.steps.evaluate.component import evaluate
from podtune.steps.evaluate_on_ipu.component import evaluate_on_ipu
from podtune.steps.finetune.component import finetune
from podtune.steps.finetune_on_ipu.component import finetune_on_ipu
from podtune.steps.publish.component import publish
from podtune.steps.write_card.component import write_card

from podtune_pipelines.placement import Placement, place


@dataclass(frozen=True)
class Prepared:
    """The outputs of the preparing steps, as KFP's channels."""

    raw_data: Any
    base_model: Any
    features: Any


@dataclass(frozen=True)
class Settings:
    """The sections that the tail uses and where it works, as KFP's pipeline parameters."""

    training: Any
    evaluation: Any
    gate: Any
    card: Any
    release: Any
    command: Any
    store: Any
    workspace: Any


def finetune_and_release(prepared: Prepared, settings: Settings, placement: Placement) -> Any:
    """Add the shared tail to the pipeline being defined; return the release's channel."""
    checkpoint = _finetuned(prepared, settings, placement)
    evaluation = _evaluated(prepared.features, checkpoint, settings, placement)
    judged = compare(evaluation=evaluation, gate=settings.gate, release=settings.release, store=settings.store)
    verdict = place(judged, "compare", placement).outputs["verdict"]
    described = write_card(
        raw_data=prepared.raw_data,
        base_model=prepared.base_model,
        features=prepared.features,
        checkpoint=checkpoint,
        evaluation=evaluation,
        verdict=verdict,
        card=settings.card,
        release=settings.release,
        command=settings.command,
    )
    model_card = place(described, "write_card", placement).outputs["model_card"]
    released = publish(
        checkpoint=checkpoint,
        evaluation=evaluation,
        verdict=verdict,
        model_card=model_card,
        release=settings.release,
        store=settings.store,
    )
    return place(released, "publish", placement).outputs["published"]


def _finetuned(prepared: Prepared, settings: Settings, placement: Placement) -> Any:
    """Add the training; return the checkpoint's channel."""
    given = {"features": prepared.features, "base_model": prepared.base_model}
    given = {**given, "training": settings.training, "workspace": settings.workspace}
    if placement.by_ipujobs:
        trained = place(finetune_on_ipu(**given, image=image_names.IPU), "finetune_on_ipu", placement)
    else:
        trained = place(finetune(**given, device=placement.device), "finetune", placement)
    return trained.outputs["checkpoint"]


def _evaluated(features: Any, checkpoint: Any, settings: Settings, placement: Placement) -> Any:
    """Add the evaluation; return its channel."""
    given = {"features": features, "checkpoint": checkpoint, "scoring": settings.evaluation}
    if placement.by_ipujobs:
        places = {"workspace": settings.workspace, "image": image_names.IPU}
        scored = place(evaluate_on_ipu(**given, **places), "evaluate_on_ipu", placement)
    else:
        scored = place(evaluate(**given, device=placement.device), "evaluate", placement)
    return scored.outputs["evaluation"]
