"""The finetune_on_nodes step as KFP sees it."""

from typing import Any, Dict

from kfp import dsl
from kfp.dsl import Input, Output

from podtune.artifacts import BaseModel, Checkpoint, Facts, Features
from podtune.image_names import image_of


@dsl.component(base_image=image_of("cpu"), install_kfp_package=False)
def finetune_on_nodes(
    prepared_data: Input[Features],
    base_model: Input[BaseModel],
    checkpoint: Output[Checkpoint],
    checkpoint_facts: Output[Facts],
    training: Dict[str, Any],
    workspace: str,
    nodes: str,
    image: str,
) -> None:
    """Fine-tune a pretrained model on GPUs, in a TrainJob.

    Args:
        prepared_data: The output of a preparation step of the same task.
        base_model: The pretrained model, with the tokenizer that the data was prepared with.
        checkpoint: Weights, tokenizer and the record of the training.
        checkpoint_facts: The record of the training, for steps that do not read the weights.
        training: The `training` section of a recipe.
        workspace: An s3:// URI for intermediate checkpoints and the result; a restarted step continues from there.
        nodes: How many nodes, and how many GPUs of each, such as 2x4.
        image: The image of the job's pods.
    """
    from pathlib import Path

    from podtune.errors import ending_cleanly
    from podtune.steps.finetune_on_nodes.step import run

    with ending_cleanly():
        run(
            prepared_data.uri,
            base_model.uri,
            Path(checkpoint.path),
            checkpoint_facts=Path(checkpoint_facts.path),
            training=training,
            workspace=workspace,
            nodes=nodes,
            image=image,
        )
