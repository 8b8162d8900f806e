"""The finetune_on_ipu step as KFP sees it."""

from typing import Any, Dict

from kfp import dsl
from kfp.dsl import Input, Output

from podtune import image_names
from podtune.artifacts import BaseModel, Checkpoint, Features


@dsl.component(base_image=image_names.CPU, install_kfp_package=False)
def finetune_on_ipu(
    features: Input[Features],
    base_model: Input[BaseModel],
    checkpoint: Output[Checkpoint],
    training: Dict[str, Any],
    workspace: str,
    image: str,
) -> None:
    """Fine-tune a pretrained model on IPUs, in a pod that an IPUJob gives the rights which no KFP step has.

    Args:
        features: Examples made by a preparation step of the same task.
        base_model: The pretrained model, with the tokenizer that the features were made with.
        checkpoint: Weights, tokenizer and the record of the training.
        training: The `training` section of a recipe.
        workspace: An s3:// URI for the checkpoints on the way and the result; a restarted step continues from there.
        image: The image of the job's worker.
    """
    from pathlib import Path

    from podtune.errors import ending_cleanly
    from podtune.steps.finetune_on_ipu.step import run

    with ending_cleanly():
        run(
            features.uri,
            base_model.uri,
            Path(checkpoint.path),
            training=training,
            workspace=workspace,
            image=image,
        )
