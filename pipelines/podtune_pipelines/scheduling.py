"""The pipeline of a scheduled recipe: as the recipe's own, but it stops before training if nothing changed.

It is a graph of its own because a condition hides what is inside it from KFP's local runner and from whoever reads
the graph of a run that somebody asked for, which always trains.
"""

from typing import Any

from kfp import dsl
from podtune.steps.check_unchanged.component import check_unchanged

from podtune_pipelines.graphs import define_pipeline
from podtune_pipelines.placement import Placement, place
from podtune_pipelines.recipe import Recipe
from podtune_pipelines.releasing import Prepared, Settings, finetune_and_release


def scheduled_pipeline_of(recipe: Recipe, placement: Placement) -> Any:
    """Define the pipeline; it has the name of the recipe's own, so that KFP reuses the results of both."""

    def finish(prepared: Prepared, settings: Settings) -> None:
        with dsl.If(_decision(prepared, settings, placement) == "train"):
            finetune_and_release(prepared, settings, placement)

    return define_pipeline(recipe, placement, finish, None)


def _decision(prepared: Prepared, settings: Settings, placement: Placement) -> Any:
    """Add the step that compares with the live release; return the channel of what it says, train or stop."""
    checked = check_unchanged(
        features=prepared.features,
        base_model=prepared.base_model,
        training=settings.training,
        scoring=settings.evaluation,
        card=settings.card,
        release=settings.release,
        store=settings.store,
        device=placement.device,
    )
    return place(checked, "check_unchanged", placement).outputs["Output"]
