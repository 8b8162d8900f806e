"""The tokenize_squad step as KFP sees it."""

from typing import Any, Dict

from kfp import dsl
from kfp.dsl import Input, Output

from podtune.artifacts import BaseModel, Facts, Features, RawData
from podtune.image_names import image_of


@dsl.component(base_image=image_of("cpu"), install_kfp_package=False)
def tokenize_squad(
    raw_data: Input[RawData],
    base_model: Input[BaseModel],
    prepared_data: Output[Features],
    prepared_data_facts: Output[Facts],
    features: Dict[str, Any],
) -> None:
    """Cut SQuAD's questions and contexts into token windows.

    Args:
        raw_data: Files in SQuAD's format, version 1.1 or 2.0.
        base_model: The model whose tokenizer is used.
        prepared_data: Windows of all splits as ragged arrays, with what scoring needs.
        prepared_data_facts: What the card shows of it, for steps that do not read the rest.
        features: The `features` section of a recipe.
    """
    from pathlib import Path

    from podtune.errors import ending_cleanly
    from podtune.steps.tokenize_squad.step import run

    with ending_cleanly():
        run(
            Path(raw_data.path),
            Path(base_model.path),
            Path(prepared_data.path),
            features,
            prepared_data_facts=Path(prepared_data_facts.path),
        )
