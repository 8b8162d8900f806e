"""The fetch_model step as KFP sees it."""

from typing import Any, Dict

from kfp import dsl
from kfp.dsl import Output

from podtune.artifacts import BaseModel, Facts
from podtune.image_names import image_of


@dsl.component(base_image=image_of("cpu"), install_kfp_package=False)
def fetch_model(
    base_model: Output[BaseModel],
    base_model_facts: Output[Facts],
    model: Dict[str, Any],
) -> None:
    """Fetch a pretrained model and hash it.

    Args:
        base_model: Configuration, tokenizer and safetensors weights, with their origin and licence.
        base_model_facts: The list of its files and its origin, for steps that do not read them.
        model: The `model` section of a recipe.
    """
    from pathlib import Path

    from podtune.errors import ending_cleanly
    from podtune.steps.fetch_model.step import run

    with ending_cleanly():
        run(Path(base_model.path), model, base_model_facts=Path(base_model_facts.path))
