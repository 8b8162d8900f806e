"""The finetune step as KFP sees it."""

from typing import Any, Dict

from kfp import dsl
from kfp.dsl import Input, Output

from podtune.artifacts import BaseModel, Checkpoint, Facts, Features
from podtune.image_names import image_of


@dsl.component(base_image=image_of("cpu"), install_kfp_package=False)
def finetune(
    prepared_data: Input[Features],
    base_model: Input[BaseModel],
    checkpoint: Output[Checkpoint],
    checkpoint_facts: Output[Facts],
    training: Dict[str, Any],
    device: str,
    workspace: str,
) -> None:
    """Fine-tune a pretrained model on prepared data.

    Args:
        prepared_data: The output of a preparation step of the same task.
        base_model: The pretrained model, with the tokenizer that the data was prepared with.
        checkpoint: Weights, tokenizer and the record of the training.
        checkpoint_facts: The record of the training, for steps that do not read the weights.
        training: The `training` section of a recipe.
        device: cpu, gpu or ipu.
        workspace: Directory or s3:// URI for intermediate checkpoints; a restarted step continues from there.
    """
    from pathlib import Path

    from podtune.errors import ending_cleanly
    from podtune.steps.finetune.step import run

    with ending_cleanly():
        run(
            Path(prepared_data.path),
            Path(base_model.path),
            Path(checkpoint.path),
            checkpoint_facts=Path(checkpoint_facts.path),
            training=training,
            device=device,
            workspace=workspace,
        )
