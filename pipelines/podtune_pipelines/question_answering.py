"""The question-answering graph: SQuAD-format data to a released model."""

from typing import Any, Dict, cast

from kfp import dsl
from podtune.artifacts import Features, Release
from podtune.fetch_data.component import fetch_data
from podtune.fetch_model.component import fetch_model
from podtune.tokenize_squad.component import tokenize_squad

from podtune_pipelines.placement import Placement, place
from podtune_pipelines.releasing import Prepared, Settings, finetune_and_release

Section = Dict[str, Any]


def pipeline(name: str, description: str, placement: Placement) -> Any:
    """Define the whole pipeline; a recipe's sections are its parameters, so that a run may change them."""

    @dsl.pipeline(name=name, description=description)
    def whole(  # noqa: PLR0913, PLR0917  # KFP passes them by name
        source: Section,
        model: Section,
        features: Section,
        training: Section,
        evaluation: Section,
        gate: Section,
        card: Section,
        release: Section,
        command: str,
        store: str,
        workspace: str,
    ) -> Release:
        prepared = _prepare(source, model, features, placement)
        settings = Settings(training, evaluation, gate, card, release, command, store, workspace)
        return cast(Release, finetune_and_release(prepared, settings, placement))

    return whole


def preparation(name: str, description: str, placement: Placement) -> Any:
    """Define the preparing steps alone: what `plan` needs to count and to measure."""

    @dsl.pipeline(name=name, description=description)
    def prepare(source: Section, model: Section, features: Section) -> Features:
        return cast(Features, _prepare(source, model, features, placement).features)

    return prepare


def _prepare(source: Any, model: Any, features: Any, placement: Placement) -> Prepared:
    raw_data = place(fetch_data(source=source), "fetch_data", placement).outputs["raw_data"]
    base_model = place(fetch_model(model=model), "fetch_model", placement).outputs["base_model"]
    tokenized = tokenize_squad(raw_data=raw_data, base_model=base_model, windows=features)
    return Prepared(raw_data, base_model, place(tokenized, "tokenize_squad", placement).outputs["features"])
