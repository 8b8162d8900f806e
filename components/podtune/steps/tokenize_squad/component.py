"""The tokenize_squad step as KFP sees it."""

from typing import Any, Dict

from kfp import dsl
from kfp.dsl import Input, Output

from podtune import image_names
from podtune.artifacts import BaseModel, Features, RawData


@dsl.component(base_image=image_names.CPU, install_kfp_package=False)
def tokenize_squad(
    raw_data: Input[RawData],
    base_model: Input[BaseModel],
    features: Output[Features],
    windows: Dict[str, Any],
) -> None:
    """Cut the questions and contexts of a SQuAD-format data set into windows of tokens.

    Args:
        raw_data: SQuAD files, version 1.1 or 2.0.
        base_model: The model whose tokenizer is used.
        features: Ragged windows of both splits, with what scoring needs.
        windows: The `features` section of a recipe.
    """
    from pathlib import Path

    from podtune.errors import ending_cleanly
    from podtune.steps.tokenize_squad.step import run

    with ending_cleanly():
        run(Path(raw_data.path), Path(base_model.path), Path(features.path), windows)
