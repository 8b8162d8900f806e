"""The pipeline of a scheduled recipe: as the recipe's own, but it stops before training if nothing changed.

It is a graph of its own because a condition hides what is inside it from KFP's local runner and from whoever reads
the graph of a run that somebody started by hand, which always trains.
"""

from typing import Any

from kfp import dsl

from podtune_pipelines.graphs import Channels, define_pipeline, finetune_and_release
from podtune_pipelines.placement import Placement, add_step
from podtune_pipelines.recipe import Recipe


def scheduled_pipeline_of(recipe: Recipe, placement: Placement) -> Any:
    """Define the pipeline; it has the name of the recipe's own, so that KFP reuses the results of both."""

    def finish(channels: Channels) -> None:
        add_step("check_unchanged", placement, channels)
        with dsl.If(channels["Output"] == "train"):
            finetune_and_release(placement, channels)

    return define_pipeline(recipe, placement, finish, None)
