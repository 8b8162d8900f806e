"""The write_card step as KFP sees it."""

from typing import Any, Dict

from kfp import dsl
from kfp.dsl import HTML, Input, Markdown, Output

from podtune.artifacts import Evaluation, Facts, ModelCard, Verdict
from podtune.image_names import image_of


@dsl.component(base_image=image_of("cpu"), install_kfp_package=False)
def write_card(
    raw_data_facts: Input[Facts],
    base_model_facts: Input[Facts],
    prepared_data_facts: Input[Facts],
    checkpoint_facts: Input[Facts],
    scores: Input[Evaluation],
    verdict: Input[Verdict],
    model_card: Output[ModelCard],
    readme: Output[Markdown],
    report: Output[HTML],
    source: Dict[str, Any],
    model: Dict[str, Any],
    features: Dict[str, Any],
    training: Dict[str, Any],
    evaluation: Dict[str, Any],
    gate: Dict[str, Any],
    card: Dict[str, Any],
    release: Dict[str, Any],
) -> None:
    """Write the model card and the report of a run.

    Args:
        raw_data_facts: Of the data: its origin and licence.
        base_model_facts: Of the pretrained model: its origin and licence.
        prepared_data_facts: Of the examples that the model was trained on, with what is shown of the scored ones.
        checkpoint_facts: Of the fine-tuned model, with its training log.
        scores: The model's scores.
        verdict: The gate's decision.
        model_card: README.md, its pictures, the report and the recipe.
        readme: The card, for KFP to show.
        report: The report, for KFP to show.
        source: The `source` section of a recipe.
        model: The `model` section of a recipe.
        features: The `features` section of a recipe.
        training: The `training` section of a recipe.
        evaluation: The `evaluation` section of a recipe.
        gate: The `gate` section of a recipe.
        card: The `card` section of a recipe.
        release: The `release` section of a recipe.
    """
    from pathlib import Path

    from podtune.errors import ending_cleanly
    from podtune.steps.write_card.step import run

    with ending_cleanly():
        run(
            raw_data_facts=Path(raw_data_facts.path),
            base_model_facts=Path(base_model_facts.path),
            prepared_data_facts=Path(prepared_data_facts.path),
            checkpoint_facts=Path(checkpoint_facts.path),
            scores=Path(scores.path),
            verdict=Path(verdict.path),
            model_card=Path(model_card.path),
            readme=Path(readme.path),
            report=Path(report.path),
            source=source,
            model=model,
            features=features,
            training=training,
            evaluation=evaluation,
            gate=gate,
            card=card,
            release=release,
        )
