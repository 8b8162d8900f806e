"""Write a model card and a report from the records of a run."""

import json
import re
from pathlib import Path
from typing import Any, Dict, Mapping

import yaml

from podtune.cards.hub_rules import require_valid_card
from podtune.errors import BadInput
from podtune.formats.model_card import (
    BILL_OF_MATERIALS,
    FIGURES,
    MODEL_CARD,
    PROVENANCE,
    README,
    RECIPE,
    REPORT,
    ModelCardFacts,
)
from podtune.sections import read_section, to_mapping
from podtune.sources.uris import without_secrets
from podtune.steps.write_card.charts import loss_picture
from podtune.steps.write_card.contents import contents_of
from podtune.steps.write_card.curves import Curves, curves_of
from podtune.steps.write_card.provenance import bill_of_materials, provenance
from podtune.steps.write_card.readme import card_body, card_with_front_matter
from podtune.steps.write_card.records import open_records
from podtune.steps.write_card.report import html_report
from podtune.steps.write_card.settings import CardSettings
from podtune.steps.write_card.tables import template_values
from podtune.stores.partial_file import write_whole

_URI = re.compile(r"[a-z][a-z0-9+.-]*://\S*")

LOSS_PICTURE = f"{FIGURES}/loss.png"


def run(  # noqa: PLR0913  # as many as the component has
    *,
    raw_data_facts: Path,
    base_model_facts: Path,
    prepared_data_facts: Path,
    checkpoint_facts: Path,
    scores: Path,
    verdict: Path,
    model_card: Path,
    readme: Path,
    report: Path,
    source: Mapping[str, Any],
    model: Mapping[str, Any],
    features: Mapping[str, Any],
    training: Mapping[str, Any],
    evaluation: Mapping[str, Any],
    gate: Mapping[str, Any],
    card: Mapping[str, Any],
    release: Mapping[str, Any],
) -> None:
    """Write the ModelCard with a recipe of the sections, and copies of the card and the report for KFP."""
    settings = read_section(CardSettings, card, "card")
    artifacts = {
        "raw_data": raw_data_facts,
        "base_model": base_model_facts,
        "features": prepared_data_facts,
        "checkpoint": checkpoint_facts,
        "evaluation": scores,
        "verdict": verdict,
    }
    records = open_records(artifacts)
    contents = contents_of(records, settings, name=_name(release))
    values = template_values(contents)
    sections = {
        "source": _without_secrets(source),
        "model": _without_secrets(model),
        "features": features,
        "training": training,
        "evaluation": evaluation,
        "gate": gate,
        "card": card,
        "release": release,
    }
    recipe = {"name": contents.name, "task": records.features.task, **sections}
    usage = records.examples.usage.example.files
    files = {
        **_card_files(values, curves_of(records)),
        RECIPE: _recipe_file(recipe),
        PROVENANCE: _json_file(provenance(records, recipe)),
        BILL_OF_MATERIALS: _json_file(bill_of_materials(contents)),
        **usage,
    }
    with MODEL_CARD.sealing(model_card) as draft:
        draft.facts.update(to_mapping(ModelCardFacts(contents.name, to_mapping(settings), **records.digests)))
        for name, data in files.items():
            (draft.path / name).parent.mkdir(exist_ok=True)
            (draft.path / name).write_bytes(data)
    write_whole(readme, _encoded(card_body(values, picture=None)))
    write_whole(report, files[REPORT])


def _card_files(values: Mapping[str, Any], curves: Curves) -> Dict[str, bytes]:
    """Render the files of a ModelCard by relative path; BadInput if the Hub would refuse the card."""
    text = card_with_front_matter(values, LOSS_PICTURE)
    require_valid_card(text)
    return {README: _encoded(text), REPORT: _encoded(html_report(values, curves)), LOSS_PICTURE: loss_picture(curves)}


def _recipe_file(recipe: Mapping[str, Any]) -> bytes:
    """Write a recipe as YAML, its sections' keys sorted; KFP hands whole numbers over as 3.0, and keys in any order."""
    ordered = {name: json.loads(json.dumps(part, sort_keys=True), parse_float=_number) for name, part in recipe.items()}
    return _encoded(yaml.safe_dump(ordered, sort_keys=False, allow_unicode=True, width=120))


def _json_file(value: Mapping[str, Any]) -> bytes:
    return _encoded(json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def _without_secrets(value: Any) -> Any:
    """Settings in which every URI is one that may be shown: others read a release, and URIs may be signed."""
    if isinstance(value, Mapping):
        return {key: _without_secrets(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_secrets(item) for item in value]
    return without_secrets(value) if isinstance(value, str) and _URI.fullmatch(value) else value


def _number(text: str) -> float:
    return int(text[:-2]) if text.endswith(".0") else float(text)


def _name(release: Mapping[str, Any]) -> str:
    if not isinstance(release.get("name"), str):
        raise BadInput("release.name is missing")
    return str(release["name"])


def _encoded(text: str) -> bytes:
    """Encode as UTF-8; a lone surrogate, which JSON can hold but UTF-8 cannot, becomes a question mark."""
    return text.encode("utf-8", errors="replace")
