"""The evaluate step as KFP sees it."""

from typing import Any, Dict

from kfp import dsl
from kfp.dsl import Input, Metrics, Output

from podtune.artifacts import Checkpoint, Evaluation, Features
from podtune.image_names import image_of


@dsl.component(base_image=image_of("cpu"), install_kfp_package=False)
def evaluate(
    prepared_data: Input[Features],
    checkpoint: Input[Checkpoint],
    scores: Output[Evaluation],
    metrics: Output[Metrics],
    evaluation: Dict[str, Any],
    device: str,
    workspace: str,
) -> None:
    """Score a fine-tuned model on every example of a split.

    Args:
        prepared_data: The data, one split of which is scored.
        checkpoint: The model.
        scores: Predictions, scores of every example, slices, and metrics with 95 % intervals.
        metrics: The same metrics for KFP's run page.
        evaluation: The `evaluation` section of a recipe.
        device: cpu, gpu or ipu.
        workspace: Directory or s3:// URI where the intermediate checkpoints of the training are; they are deleted.
    """
    import json
    from pathlib import Path

    from podtune.errors import ending_cleanly
    from podtune.steps.evaluate.step import run

    with ending_cleanly():
        measured = run(
            Path(prepared_data.path),
            Path(checkpoint.path),
            Path(scores.path),
            evaluation=evaluation,
            device=device,
            workspace=workspace,
        )
        for name, value in measured.items():
            metrics.log_metric(name, value)
        # KFP's local cache forgets a step one of whose artifacts has no file
        Path(metrics.path).write_text(json.dumps(measured), encoding="utf-8")
