"""The write_card step as KFP sees it."""

from typing import Any, Dict

from kfp import dsl
from kfp.dsl import HTML, Input, Markdown, Output

from podtune.artifacts import BaseModel, Checkpoint, Evaluation, Features, ModelCard, RawData, Verdict
from podtune.image_names import image_of


@dsl.component(base_image=image_of("cpu"), install_kfp_package=False)
def write_card(
    raw_data: Input[RawData],
    base_model: Input[BaseModel],
    prepared_data: Input[Features],
    checkpoint: Input[Checkpoint],
    scores: Input[Evaluation],
    verdict: Input[Verdict],
    model_card: Output[ModelCard],
    readme: Output[Markdown],
    report: Output[HTML],
    card: Dict[str, Any],
    release: Dict[str, Any],
    command: str,
) -> None:
    """Write the model card and the report of a run.

    Args:
        raw_data: The data, for its origin and licence.
        base_model: The pretrained model, for its origin and licence.
        prepared_data: The examples that the model was trained on.
        checkpoint: The fine-tuned model and its training log.
        scores: The model's scores.
        verdict: The gate's decision.
        model_card: README.md, its pictures and the report.
        readme: The card, for KFP to show.
        report: The report, for KFP to show.
        card: The `card` section of a recipe.
        release: The `release` section of a recipe.
        command: The command that reproduces the run.
    """
    from pathlib import Path

    from podtune.errors import ending_cleanly
    from podtune.steps.write_card.step import run

    with ending_cleanly():
        run(
            raw_data=Path(raw_data.path),
            base_model=Path(base_model.path),
            prepared_data=Path(prepared_data.path),
            checkpoint=Path(checkpoint.path),
            scores=Path(scores.path),
            verdict=Path(verdict.path),
            model_card=Path(model_card.path),
            readme=Path(readme.path),
            report=Path(report.path),
            card=card,
            release=release,
            command=command,
        )
