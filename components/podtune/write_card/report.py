"""The HTML report: one file that needs nothing else, and runs nothing."""

from typing import Any, Dict, List, Mapping

from podtune.write_card import charts
from podtune.write_card.charts import Line
from podtune.write_card.contents import Contents
from podtune.write_card.curves import Curve, Curves
from podtune.write_card.templates import html_templates, values
from podtune.write_card.wording import short

SHOWN_APART = ("id", "prediction", "scores", "slices")


def html_report(contents: Contents, curves: Curves) -> str:
    """The whole report.html."""
    bars = {result.name: charts.interval_bar(result.value, result.low, result.high) for result in contents.results}
    template = html_templates().get_template("report.html.jinja")
    return template.render(
        charts=_charts(curves),
        bars=bars,
        bar=charts.interval_bar,
        worst=[_example(record) for record in contents.records.worst],
        **values(contents),
    )


def _charts(curves: Curves) -> List[Dict[str, Any]]:
    """Each with title, picture and the lines of its legend; those without a point are left out."""
    empty, (step, loss) = Curve((), ()), curves.kept
    titled = {
        "Loss": [
            Line("raw", "training, as logged", curves.loss),
            Line("main", "training, running mean", curves.loss.smoothed()),
            Line("other", "validation on the way", curves.on_the_way.get("loss", empty), dots=True),
            Line("kept", "validation, these weights", Curve((step,), (loss,)), dots=True),
        ],
        "Validation on the way, percent": [
            Line(style, name, curve, dots=True)
            for style, (name, curve) in zip(("main", "other", "raw"), _percents(curves).items())
        ],
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


def _percents(curves: Curves) -> Dict[str, Curve]:
    return {name: curve for name, curve in curves.on_the_way.items() if name != "loss"}


def _example(record: Mapping[str, Any]) -> Dict[str, Any]:
    """A scored example as texts: its id, its prediction, its scores, and whatever else evaluate recorded."""
    others = {key: _text(value) for key, value in record.items() if key not in SHOWN_APART}
    return {
        "id": _text(record.get("id", "")),
        "prediction": _text(record.get("prediction", "")),
        "scores": record["scores"],
        "others": others,
    }


def _text(value: Any) -> str:
    """A recorded value in words: several true answers are listed once each."""
    if isinstance(value, list):
        return " · ".join(dict.fromkeys(_text(item) for item in value))
    if isinstance(value, dict) and "text" in value:
        return _text(value["text"])
    return short(value) if isinstance(value, float) else str(value)
