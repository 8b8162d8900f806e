"""The HTML report: one file that needs nothing else, and runs nothing."""

from base64 import b64encode
from collections import Counter
from itertools import repeat
from typing import Any, Dict, List, Mapping

from podtune.steps.write_card.charts import Curves, charts_of, interval_bar
from podtune.steps.write_card.contents import Contents
from podtune.steps.write_card.markup import html_templates
from podtune.steps.write_card.wording import short
from podtune.tasks.task import metric_named

SHOWN_APART = ("id", "prediction", "scores", "slices", "answers")


def html_report(values: Mapping[str, Any], curves: Curves) -> str:
    """Render report.html."""
    contents: Contents = values["contents"]
    bars = {
        result.name: interval_bar(result.value, result.low, result.high, result.highest) for result in contents.results
    }
    return (
        html_templates()
        .get_template("report.html.jinja")
        .render(
            charts=charts_of(curves, contents.words.curves),
            bars=bars,
            bar=lambda value, metric: interval_bar(value, 0, 0, metric_named(metric).highest),
            worst=_worst(contents),
            **values,
        )
    )


def _worst(contents: Contents) -> List[Dict[str, Any]]:
    """The worst examples as texts, each with its picture where it is about one."""
    records, truths = contents.records, contents.words.truths
    pictures = map(_address, records.pictures) if records.pictures else repeat("")
    return [_example(record, picture, truths) for record, picture in zip(records.worst, pictures)]


def _address(picture: bytes) -> str:
    return f"data:image/jpeg;base64,{b64encode(picture).decode('ascii')}"


def _example(record: Mapping[str, Any], picture: str, truths: str) -> Dict[str, Any]:
    """A scored example as texts: its id, its prediction, its scores, and whatever else evaluate recorded.

    What is true stands line by line beside a picture, else in one line.
    """
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
    """Several people's answers, each once and with their number."""
    answers = Counter(_text(value) for value in values)
    return [answer if people == 1 else f"{people} × {answer}" for answer, people in answers.items()]


def _text(value: Any) -> str:
    """A recorded value in words."""
    if isinstance(value, list):
        return " · ".join(_text(item) for item in value)
    if isinstance(value, dict) and "text" in value:
        return _text(value["text"])
    return short(value) if isinstance(value, float) else str(value)
