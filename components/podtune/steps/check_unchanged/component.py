"""The check_unchanged step as KFP sees it."""

from typing import Any, Dict

from kfp import dsl
from kfp.dsl import Input, Markdown, Output

from podtune.artifacts import Facts
from podtune.image_names import image_of


@dsl.component(base_image=image_of("cpu"), install_kfp_package=False)
def check_unchanged(
    prepared_data_facts: Input[Facts],
    base_model_facts: Input[Facts],
    explanation: Output[Markdown],
    training: Dict[str, Any],
    evaluation: Dict[str, Any],
    gate: Dict[str, Any],
    card: Dict[str, Any],
    release: Dict[str, Any],
    store: str,
    device: str,
) -> str:
    """Check whether a run would repeat an earlier one.

    Args:
        prepared_data_facts: Of the examples that a model would be trained on.
        base_model_facts: Of the pretrained model that training would start from.
        explanation: The reason, as text.
        training: The `training` section of a recipe.
        evaluation: The `evaluation` section of a recipe.
        gate: The `gate` section of a recipe.
        card: The `card` section of a recipe.
        release: The `release` section of a recipe.
        store: Directory or s3:// URI where releases live.
        device: cpu, gpu or ipu.

    Returns:
        train, or stop where nothing changed since the live release; a refusal that stands ends the step.
    """
    from pathlib import Path

    from podtune.errors import ending_cleanly
    from podtune.steps.check_unchanged.step import run

    with ending_cleanly():
        return run(
            Path(prepared_data_facts.path),
            Path(base_model_facts.path),
            Path(explanation.path),
            training=training,
            evaluation=evaluation,
            gate=gate,
            card=card,
            release=release,
            store=store,
            device=device,
        )
