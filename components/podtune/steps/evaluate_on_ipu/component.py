"""The evaluate_on_ipu step as KFP sees it."""

from typing import Any, Dict

from kfp import dsl
from kfp.dsl import Input, Metrics, Output

from podtune import image_names
from podtune.artifacts import Checkpoint, Evaluation, Features


@dsl.component(base_image=image_names.CPU, install_kfp_package=False)
def evaluate_on_ipu(
    features: Input[Features],
    checkpoint: Input[Checkpoint],
    evaluation: Output[Evaluation],
    metrics: Output[Metrics],
    scoring: Dict[str, Any],
    workspace: str,
    image: str,
) -> None:
    """Score a fine-tuned model on IPUs, every example exactly once, in the pod of an IPUJob.

    Args:
        features: The features whose validation split is scored.
        checkpoint: The model.
        evaluation: Predictions, scores of every example, slices, and metrics with 95 % intervals.
        metrics: The same metrics for KFP's run page.
        scoring: The `evaluation` section of a recipe.
        workspace: An s3:// URI for the result on its way.
        image: The image of the job's worker.
    """
    import json
    from pathlib import Path

    from podtune.errors import ending_cleanly
    from podtune.steps.evaluate_on_ipu.step import run

    with ending_cleanly():
        scores = run(
            features.uri,
            checkpoint.uri,
            Path(evaluation.path),
            evaluation=scoring,
            workspace=workspace,
            image=image,
        )
        for name, value in scores.items():
            metrics.log_metric(name, value)
        Path(metrics.path).write_text(json.dumps(scores), encoding="utf-8")
