"""The card's front matter: what the Hub indexes a model by."""

from typing import Any, Dict, List

from podtune.steps.write_card.contents import Contents

_TITLES = {
    **{f"bleu_{order}": f"BLEU-{order}" for order in (1, 2, 3, 4)},
    "cider": "CIDEr-D",
    "meteor": "METEOR",
    "rouge_l": "ROUGE-L",
}


def front_matter(contents: Contents) -> Dict[str, Any]:
    """The metadata of a card, in the order in which it is written."""
    card, records = contents.card, contents.records
    licence = {"license": card.licence}
    if card.licence == "other":
        licence.update(license_name=card.licence_name, license_link=card.licence_link)
    return {
        "language": list(card.language),
        **licence,
        "library_name": "transformers",
        "pipeline_tag": contents.words.hub,
        "tags": _tags(contents),
        "datasets": [records.raw_data.dataset],
        "metrics": [result.name for result in contents.results],
        "base_model": _one_or_all([made.model for made in contents.base_models]),
        "base_model_relation": "finetune",
        "model-index": [{"name": contents.name, "results": [_result(contents)]}],
    }


def _one_or_all(names: List[str]) -> Any:
    return names[0] if len(names) == 1 else names


def _tags(contents: Contents) -> List[str]:
    tags = ["podtune", contents.records.base_model.model_type, *contents.card.tags]
    return list(dict.fromkeys(tags))


def _result(contents: Contents) -> Dict[str, Any]:
    """One data set and one split, with every metric; values are not rounded."""
    raw_data, evaluation = contents.records.raw_data, contents.records.evaluation
    data = {"type": raw_data.dataset, "name": raw_data.dataset, "split": evaluation.split}
    if raw_data.revision:
        data["revision"] = raw_data.revision
    metrics = [{"type": result.name, "value": result.value, "name": _title(result.name)} for result in contents.results]
    metrics.append({"type": "loss", "value": evaluation.loss, "name": "Loss"})
    return {
        "task": {"type": contents.words.hub, "name": contents.words.title},
        "dataset": data,
        "metrics": metrics,
    }


def _title(metric: str) -> str:
    return _TITLES.get(metric) or metric.replace("_", " ").capitalize()
