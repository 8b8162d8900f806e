"""The check_unchanged step as KFP sees it."""

from typing import Any, Dict

from kfp import dsl
from kfp.dsl import Input, Markdown, Output

from podtune import image_names
from podtune.artifacts import BaseModel, Features


@dsl.component(base_image=image_names.CPU, install_kfp_package=False)
def check_unchanged(
    features: Input[Features],
    base_model: Input[BaseModel],
    explanation: Output[Markdown],
    training: Dict[str, Any],
    scoring: Dict[str, Any],
    card: Dict[str, Any],
    release: Dict[str, Any],
    store: str,
    device: str,
) -> str:
    """Find out whether training would only make the live release again.

    Args:
        features: What the model would be trained on.
        base_model: What training would start from.
        explanation: Why, in words.
        training: The `training` section of a recipe.
        scoring: The `evaluation` section of a recipe.
        card: The `card` section of a recipe.
        release: The `release` section of a recipe.
        store: Directory or s3:// URI where releases live.
        device: cpu, gpu or ipu.

    Returns:
        train, or stop where nothing changed since the live release.
    """
    from pathlib import Path

    from podtune.errors import ending_cleanly
    from podtune.steps.check_unchanged.step import run

    with ending_cleanly():
        return run(
            Path(features.path),
            Path(base_model.path),
            Path(explanation.path),
            sections={"training": training, "evaluation": scoring, "card": card},
            release=release,
            store=store,
            device=device,
        )
