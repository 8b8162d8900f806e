"""The model card: front matter for the Hub's index, and the text below it."""

from typing import Any, Dict, Mapping, Optional

from podtune.cards.front_matter import to_yaml
from podtune.steps.write_card.contents import Contents
from podtune.steps.write_card.markup import Markdown, markdown_templates


def card_with_front_matter(values: Mapping[str, Any], picture: str) -> str:
    """Render README.md, with `picture` as the relative path of the loss curve."""
    return f"{to_yaml(front_matter(values['contents']))}\n{card_body(values, picture)}"


def card_body(values: Mapping[str, Any], picture: Optional[str]) -> str:
    """Render the card without its front matter, for viewers that support neither it nor relative pictures."""
    contents: Contents = values["contents"]
    templates = markdown_templates()
    usage = templates.from_string(contents.task.usage).render(_usage_values(contents))
    shown = Markdown(picture) if picture else None
    return templates.get_template("readme.md.jinja").render(picture=shown, usage=Markdown(usage), **values)


def front_matter(contents: Contents) -> Dict[str, Any]:
    """Build the card's metadata, in the order in which it is written, without what is not stated."""
    card, records = contents.card, contents.records
    models = [made.model for made in contents.base_models if made.model]
    data = records.raw_data.dataset
    licence = {"license": card.licence} if card.licence else {}
    if card.licence == "other":
        licence.update(license_name=card.licence_name, license_link=card.licence_link)
    values = {
        "language": list(card.language),
        **licence,
        "library_name": "transformers",
        "pipeline_tag": contents.words.hub,
        "tags": list(dict.fromkeys(["podtune", records.base_model.model_type, *card.tags])),
        "datasets": [data] if data else [],
        "metrics": [result.name for result in contents.results],
        "base_model": models[0] if len(models) == 1 else models,
        "base_model_relation": "finetune" if models else "",
        "model-index": [{"name": contents.name, "results": [_result(contents)]}] if data else [],
    }
    return {key: value for key, value in values.items() if value}


def _usage_values(contents: Contents) -> Dict[str, Any]:
    """Collect the settings and the example that the usage template refers to."""
    usage = contents.records.examples.usage
    prepared, scored = contents.records.features.settings, contents.records.evaluation.settings
    return {
        **prepared,
        **scored,
        **usage.example.values,
        "prediction": usage.prediction,
        "right": usage.right,
        "name": Markdown(contents.name),
        "probabilities": Markdown("softmax(0)" if prepared.get("labels") == "hard" else "sigmoid()"),
    }


def _result(contents: Contents) -> Dict[str, Any]:
    """Build the result on one split of one dataset; values are not rounded."""
    raw_data, evaluation = contents.records.raw_data, contents.records.evaluation
    data = {"type": raw_data.dataset, "name": raw_data.dataset, "split": evaluation.split}
    if raw_data.revision:
        data["revision"] = raw_data.revision
    metrics = [
        {"type": result.name, "value": result.value, "name": contents.task.metric(result.name).title}
        for result in contents.results
    ]
    metrics.append({"type": "loss", "value": evaluation.loss, "name": "Loss"})
    return {"task": {"type": contents.words.hub, "name": contents.words.title}, "dataset": data, "metrics": metrics}
