"""The pipeline of a scheduled recipe: as the recipe's own, but it stops before training if nothing changed.

It is a graph of its own because a condition hides what is inside it from KFP's local runner and from whoever reads
the graph of a run that somebody started by hand, which always trains.
"""

from typing import Any

from kfp import dsl

from podtune_pipelines.graphs import Prepared, Settings, define_pipeline, finetune_and_release
from podtune_pipelines.placement import Placement, add_step
from podtune_pipelines.recipe import Recipe


def scheduled_pipeline_of(recipe: Recipe, placement: Placement) -> Any:
    """Define the pipeline; it has the name of the recipe's own, so that KFP reuses the results of both."""

    def finish(prepared: Prepared, settings: Settings) -> None:
        decision = add_step(
            "check_unchanged",
            placement,
            prepared_data=prepared.prepared_data,
            base_model=prepared.base_model,
            training=settings.training,
            evaluation=settings.evaluation,
            card=settings.card,
            release=settings.release,
            store=settings.store,
            device=placement.device,
        )["Output"]
        with dsl.If(decision == "train"):
            finetune_and_release(prepared, settings, placement)

    return define_pipeline(recipe, placement, finish, None)
