"""The tokenize_squad step as KFP sees it."""

from typing import Any, Dict

from kfp import dsl
from kfp.dsl import Input, Output

from podtune.artifacts import BaseModel, Features, RawData
from podtune.image_names import image_of


@dsl.component(base_image=image_of("cpu"), install_kfp_package=False)
def tokenize_squad(
    raw_data: Input[RawData],
    base_model: Input[BaseModel],
    prepared_data: Output[Features],
    features: Dict[str, Any],
) -> None:
    """Cut SQuAD's questions and contexts into token windows.

    Args:
        raw_data: Files in SQuAD's format, version 1.1 or 2.0.
        base_model: The model whose tokenizer is used.
        prepared_data: Windows of all splits as ragged arrays, with what scoring needs.
        features: The `features` section of a recipe.
    """
    from pathlib import Path

    from podtune.errors import ending_cleanly
    from podtune.steps.tokenize_squad.step import run

    with ending_cleanly():
        run(Path(raw_data.path), Path(base_model.path), Path(prepared_data.path), features)
