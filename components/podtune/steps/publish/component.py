"""The publish step as KFP sees it."""

from typing import Any, Dict

from kfp import dsl
from kfp.dsl import Input, Output

from podtune.artifacts import Checkpoint, Evaluation, ModelCard, Release, Verdict
from podtune.image_names import image_of


@dsl.component(base_image=image_of("cpu"), install_kfp_package=False)
def publish(
    checkpoint: Input[Checkpoint],
    scores: Input[Evaluation],
    verdict: Input[Verdict],
    model_card: Input[ModelCard],
    published: Output[Release],
    release: Dict[str, Any],
    store: str,
) -> None:
    """Release a model that passed the gate.

    Args:
        checkpoint: The model.
        scores: The model's scores; later runs are compared with them.
        verdict: The gate's decision; a refusal ends the step.
        model_card: The card and its pictures.
        published: The location of the release.
        release: The `release` section of a recipe.
        store: Directory or s3:// URI where releases live.
    """
    from pathlib import Path

    from podtune.errors import ending_cleanly
    from podtune.steps.publish.step import run

    with ending_cleanly():
        run(
            checkpoint=Path(checkpoint.path),
            scores=Path(scores.path),
            verdict=Path(verdict.path),
            model_card=Path(model_card.path),
            published=Path(published.path),
            release=release,
            store=store,
        )
