"""The evaluate step as KFP sees it."""

from typing import Any, Dict

from kfp import dsl
from kfp.dsl import Input, Metrics, Output

from podtune import image_names
from podtune.artifacts import Checkpoint, Evaluation, Features


@dsl.component(base_image=image_names.CPU, install_kfp_package=False)
def evaluate(
    features: Input[Features],
    checkpoint: Input[Checkpoint],
    evaluation: Output[Evaluation],
    metrics: Output[Metrics],
    scoring: Dict[str, Any],
    device: str,
) -> None:
    """Score a fine-tuned model, every example exactly once.

    Args:
        features: The features whose validation split is scored.
        checkpoint: The model.
        evaluation: Predictions, scores of every example, slices, and metrics with 95 % intervals.
        metrics: The same metrics for KFP's run page.
        scoring: The `evaluation` section of a recipe.
        device: cpu or gpu.
    """
    import json
    from pathlib import Path

    from podtune.errors import ending_cleanly
    from podtune.steps.evaluate.step import run

    with ending_cleanly():
        scores = run(
            Path(features.path), Path(checkpoint.path), Path(evaluation.path), evaluation=scoring, device=device
        )
        for name, value in scores.items():
            metrics.log_metric(name, value)
        # KFP's local cache forgets a step one of whose artifacts has no file
        Path(metrics.path).write_text(json.dumps(scores), encoding="utf-8")
