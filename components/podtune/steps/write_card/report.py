"""The HTML report: one self-contained file without scripts."""

from base64 import b64encode
from collections import Counter
from itertools import repeat
from typing import Any, Dict, List, Mapping

from podtune.steps.write_card.charts import Curves, charts_of, interval_bar
from podtune.steps.write_card.contents import Contents
from podtune.steps.write_card.markup import html_templates
from podtune.steps.write_card.wording import short

SHOWN_APART = ("id", "prediction", "scores", "slices", "answers")


def html_report(values: Mapping[str, Any], curves: Curves) -> str:
    """Render report.html."""
    contents: Contents = values["contents"]
    template = html_templates().get_template("report.html.jinja")
    return template.render(
        charts=charts_of(curves, contents.words.curves),
        bar=lambda metric, value, low=0, high=0: interval_bar(value, low, high, contents.task.metric(metric).highest),
        worst=_worst(contents),
        **values,
    )


def _worst(contents: Contents) -> List[Dict[str, Any]]:
    """Turn the worst examples into texts, each with its picture if it has one."""
    records, truths = contents.records, contents.words.truths
    addresses = (f"data:image/jpeg;base64,{b64encode(picture).decode('ascii')}" for picture in records.pictures or ())
    pictures = addresses if records.pictures else repeat("")
    return [_example(record, picture, truths) for record, picture in zip(records.worst, pictures)]


def _example(record: Mapping[str, Any], picture: str, truths: str) -> Dict[str, Any]:
    """Turn a scored example into texts; true answers are one a line next to a picture, otherwise in one line."""
    others = {key: _text(value) for key, value in record.items() if key not in SHOWN_APART}
    true = _counted(record["answers"]) if record.get("answers") else []
    return {
        "id": _text(record.get("id", "")),
        "picture": picture,
        "prediction": _text(record.get("prediction", "")),
        "scores": record["scores"],
        "others": others,
        "truths": {truths: true if picture else [" · ".join(true)]} if true else {},
    }


def _counted(values: Any) -> List[str]:
    """Collapse repeated answers into one with its count."""
    answers = Counter(_text(value) for value in values)
    return [answer if people == 1 else f"{people} × {answer}" for answer, people in answers.items()]


def _text(value: Any) -> str:
    if isinstance(value, list):
        return " · ".join(_text(item) for item in value)
    if isinstance(value, dict) and "text" in value:
        return _text(value["text"])
    return short(value) if isinstance(value, float) else str(value)
