"""The evaluate_on_ipu step as KFP sees it."""

from typing import Any, Dict

from kfp import dsl
from kfp.dsl import Input, Metrics, Output

from podtune.artifacts import Checkpoint, Evaluation, Features
from podtune.image_names import image_of


@dsl.component(base_image=image_of("cpu"), install_kfp_package=False)
def evaluate_on_ipu(
    prepared_data: Input[Features],
    checkpoint: Input[Checkpoint],
    scores: Output[Evaluation],
    metrics: Output[Metrics],
    evaluation: Dict[str, Any],
    workspace: str,
    image: str,
) -> None:
    """Score a fine-tuned model on IPUs, in an IPUJob.

    Args:
        prepared_data: The data, one split of which is scored.
        checkpoint: The model.
        scores: Predictions, scores of every example, slices, and metrics with 95 % intervals.
        metrics: The same metrics for KFP's run page.
        evaluation: The `evaluation` section of a recipe.
        workspace: An s3:// URI for the result until the step fetches it; the training's own states are deleted there.
        image: The image of the job's worker.
    """
    import json
    from pathlib import Path

    from podtune.errors import ending_cleanly
    from podtune.steps.evaluate_on_ipu.step import run

    with ending_cleanly():
        measured = run(
            prepared_data.uri,
            checkpoint.uri,
            Path(scores.path),
            evaluation=evaluation,
            workspace=workspace,
            image=image,
        )
        for name, value in measured.items():
            metrics.log_metric(name, value)
        Path(metrics.path).write_text(json.dumps(measured), encoding="utf-8")
