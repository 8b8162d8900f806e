"""The HTML report: one file that needs nothing else, and runs nothing."""

from base64 import b64encode
from collections import Counter
from itertools import repeat
from typing import Any, Dict, Iterable, List, Mapping, Sequence

from podtune.steps.write_card import charts
from podtune.steps.write_card.charts import Line
from podtune.steps.write_card.contents import Contents
from podtune.steps.write_card.curves import Curve, Curves
from podtune.steps.write_card.templates import html_templates, values
from podtune.steps.write_card.wording import short
from podtune.tasks.units import highest, in_percent

SHOWN_APART = ("id", "prediction", "scores", "slices", "answers")
STYLES = ("main", "other", "raw")


def html_report(contents: Contents, curves: Curves) -> str:
    """The whole report.html."""
    results = contents.results
    bars = {found.name: charts.interval_bar(found.value, found.low, found.high, found.highest) for found in results}
    template = html_templates().get_template("report.html.jinja")
    return template.render(
        charts=_charts(curves, contents.words.curves),
        bars=bars,
        bar=lambda value, metric: charts.interval_bar(value, 0, 0, highest(metric)),
        worst=_worst(contents),
        **values(contents),
    )


def _charts(curves: Curves, metrics: Sequence[str]) -> List[Dict[str, Any]]:
    """Each with title, picture and the lines of its legend; those without a point are left out."""
    empty, (step, loss) = Curve((), ()), curves.kept
    titled = {
        "Loss": [
            Line("raw", "training, as logged", curves.loss),
            Line("main", "training, running mean", curves.loss.smoothed()),
            Line("other", "validation on the way", curves.on_the_way.get("loss", empty), dots=True),
            Line("kept", "validation, these weights", Curve((step,), (loss,)), dots=True),
        ],
        "Validation on the way, percent": _on_the_way(curves, filter(in_percent, metrics)),
        **{f"Validation on the way, {name}": _on_the_way(curves, [name]) for name in metrics if not in_percent(name)},
        "Learning rate": [Line("main", "learning rate", curves.learning_rate)],
    }
    drawn = {title: [line for line in lines if line.curve.steps] for title, lines in titled.items()}
    return [
        {
            "title": title,
            "lines": lines,
            "picture": charts.line_chart(title, lines, curves.steps, curves.epoch_ends),
        }
        for title, lines in drawn.items()
        if lines
    ]


def _on_the_way(curves: Curves, metrics: Iterable[str]) -> List[Line]:
    found = [name for name in metrics if name in curves.on_the_way]
    return [Line(style, name, curves.on_the_way[name], dots=True) for style, name in zip(STYLES, found)]


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
