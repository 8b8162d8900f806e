"""The prepare_captions step as KFP sees it."""

from typing import Any, Dict

from kfp import dsl
from kfp.dsl import Input, Output

from podtune.artifacts import BaseModel, Facts, Features, RawData
from podtune.image_names import image_of


@dsl.component(base_image=image_of("cpu"), install_kfp_package=False)
def prepare_captions(
    raw_data: Input[RawData],
    base_model: Input[BaseModel],
    prepared_data: Output[Features],
    prepared_data_facts: Output[Facts],
    features: Dict[str, Any],
) -> None:
    """Store images in one size, and their captions as tokens.

    Args:
        raw_data: Caption files as COCO and VizWiz have them, with folders or zips of images.
        base_model: The model whose tokenizer is used.
        prepared_data: Images and tokenized captions of all splits, with the references that scoring needs.
        prepared_data_facts: What the card shows of it, for steps that do not read the rest.
        features: The `features` section of a recipe.
    """
    from pathlib import Path

    from podtune.errors import ending_cleanly
    from podtune.steps.prepare_captions.step import run

    with ending_cleanly():
        run(
            Path(raw_data.path),
            Path(base_model.path),
            Path(prepared_data.path),
            features,
            prepared_data_facts=Path(prepared_data_facts.path),
        )
