"""The prepare_captions step as KFP sees it."""

from typing import Any, Dict

from kfp import dsl
from kfp.dsl import Input, Output

from podtune import image_names
from podtune.artifacts import BaseModel, Features, RawData


@dsl.component(base_image=image_names.CPU, install_kfp_package=False)
def prepare_captions(
    raw_data: Input[RawData],
    base_model: Input[BaseModel],
    features: Output[Features],
    captions: Dict[str, Any],
) -> None:
    """Store the images of a captioning data set once, of one size, and its captions as tokens.

    Args:
        raw_data: Caption files as COCO and VizWiz have them, with folders or zips of images.
        base_model: The model whose tokenizer is used.
        features: Images and ragged captions of all splits, with the references that scoring needs.
        captions: The `features` section of a recipe.
    """
    from pathlib import Path

    from podtune.errors import ending_cleanly
    from podtune.steps.prepare_captions.step import run

    with ending_cleanly():
        run(Path(raw_data.path), Path(base_model.path), Path(features.path), captions)
