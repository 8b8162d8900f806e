"""The question-answering pipeline: SQuAD-format data to a released model."""

from typing import Any, Dict

from kfp import dsl
from podtune.artifacts import Release
from podtune.fetch_data.component import fetch_data
from podtune.fetch_model.component import fetch_model
from podtune.tokenize_squad.component import tokenize_squad

from podtune_pipelines.placement import Placement, place
from podtune_pipelines.releasing import Prepared, Settings, finetune_and_release


def question_answering(name: str, description: str, placement: Placement) -> Any:
    """Define the pipeline for one recipe; its sections are pipeline parameters, so that a run may change them."""

    @dsl.pipeline(name=name, description=description)
    def pipeline(  # noqa: PLR0913, PLR0917  # KFP passes them by name
        source: Dict[str, Any],
        model: Dict[str, Any],
        features: Dict[str, Any],
        training: Dict[str, Any],
        evaluation: Dict[str, Any],
        gate: Dict[str, Any],
        card: Dict[str, Any],
        release: Dict[str, Any],
        command: str,
        store: str,
        workspace: str,
    ) -> Release:
        raw_data = place(fetch_data(source=source), "fetch_data", placement).outputs["raw_data"]
        base_model = place(fetch_model(model=model), "fetch_model", placement).outputs["base_model"]
        tokenized = tokenize_squad(raw_data=raw_data, base_model=base_model, windows=features)
        prepared = Prepared(raw_data, base_model, place(tokenized, "tokenize_squad", placement).outputs["features"])
        settings = Settings(training, evaluation, gate, card, release, command, store, workspace)
        return finetune_and_release(  # type: ignore[no-any-return]  # KFP's channel stands for the artifact
prepared, settings, placement)

    return pipeline
