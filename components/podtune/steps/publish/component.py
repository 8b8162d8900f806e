"""The publish step as KFP sees it."""

from typing import Any, Dict

from kfp import dsl
from kfp.dsl import Input, Output

from podtune import image_names
from podtune.artifacts import Checkpoint, Evaluation, ModelCard, Release, Verdict


@dsl.component(base_image=image_names.CPU, install_kfp_package=False)
def publish(
    checkpoint: Input[Checkpoint],
    evaluation: Input[Evaluation],
    verdict: Input[Verdict],
    model_card: Input[ModelCard],
    published: Output[Release],
    release: Dict[str, Any],
    store: str,
) -> None:
    """Release a model that passed the gate: upload it, seal the version, and move the live pointer.

    Args:
        checkpoint: The model.
        evaluation: What it scores; the next run is compared with it.
        verdict: The gate's decision; a refusal ends the step.
        model_card: The card and its pictures.
        published: Where the release lies.
        release: The `release` section of a recipe.
        store: Directory or s3:// URI where releases live.
    """
    from pathlib import Path

    from podtune.errors import ending_cleanly
    from podtune.steps.publish.step import run

    with ending_cleanly():
        run(
            checkpoint=Path(checkpoint.path),
            evaluation=Path(evaluation.path),
            verdict=Path(verdict.path),
            model_card=Path(model_card.path),
            published=Path(published.path),
            release=release,
            store=store,
        )
