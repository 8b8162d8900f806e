"""The HTML report: one self-contained file without scripts."""

from base64 import b64encode
from collections import Counter
from functools import partial
from typing import Any, Dict, List, Mapping, Tuple

from markupsafe import Markup

from podtune.steps.write_card.charts import Chart, charts_of, history_chart
from podtune.steps.write_card.contents import Contents
from podtune.steps.write_card.curves import Curves
from podtune.steps.write_card.examples import Example
from podtune.steps.write_card.markup import html_templates
from podtune.steps.write_card.measures import bar, slice_differences, slice_measures
from podtune.steps.write_card.passages import marked
from podtune.steps.write_card.wording import count, decimal, short

SHOWN_APART = ("id", "prediction", "start", "scores", "slices", "answers", "group")


def html_report(values: Mapping[str, Any], curves: Curves) -> str:
    """Render report.html."""
    contents: Contents = values["contents"]
    return (
        html_templates()
        .get_template("report.html.jinja")
        .render(
            charts=charts_of(curves, contents.words),
            history=_history(contents),
            bar=partial(bar, contents),
            slice_titles=[contents.task.metric(metric).title for metric in contents.slice_metrics],
            slices=slice_measures(contents),
            compared_slices=slice_differences(contents),
            example_lists=_example_lists(contents),
            **values,
        )
    )


def _history(contents: Contents) -> List[Chart]:
    """Draw the gate's metric over the versions; empty where there are none."""
    verdict, values = contents.records.verdict, {result.name: result.value for result in contents.results}
    metric = str(verdict.settings.get("metric", ""))
    chart = history_chart(verdict.history, metric, values[metric]) if metric in values else None
    return [chart] if chart else []


def _example_lists(contents: Contents) -> List[Tuple[str, List[Dict[str, Any]]]]:
    """Every list of examples that is not empty, by its title."""
    examples, verdict = contents.records.examples, contents.records.verdict
    is_share = contents.task.metric(str(verdict.settings.get("metric", ""))).is_share
    better, worse = ("Newly right", "Newly wrong") if is_share else ("Better than before", "Worse than before")
    lists = {
        "Worst examples": examples.worst,
        "Examples with the full score" if examples.usage.right else "Best examples": examples.best,
        f"{better}: {len(examples.better)} of {count(verdict.better.count)}": examples.better,
        f"{worse}: {len(examples.worse)} of {count(verdict.worse.count)}": examples.worse,
    }
    return [(title, [_example(contents, one) for one in shown]) for title, shown in lists.items() if shown]


def _example(contents: Contents, example: Example) -> Dict[str, Any]:
    """Turn a scored example into texts; true answers are one a line next to a picture, otherwise in one line."""
    record, picture, truths = example.record, example.picture, contents.words.truths
    true = _counted(record["answers"]) if record.get("answers") else []
    scores = ((contents.task.metric(metric).title, decimal(value)) for metric, value in record["scores"].items())
    return {
        "id": _text(record.get("id", "")),
        "picture": picture,
        "address": f"data:image/jpeg;base64,{b64encode(picture.jpeg).decode('ascii')}" if picture else "",
        "passage": _passage(example),
        "prediction": _text(record.get("prediction", "")),
        "champion": example.champion,
        "scores": " · ".join(f"{metric} {value}" for metric, value in scores),
        "others": {key: _text(value) for key, value in record.items() if key not in SHOWN_APART},
        "truths": {truths: true if picture else [" · ".join(true)]} if true else {},
    }


def _passage(example: Example) -> Markup:
    """Mark the prediction where its place is known; earlier evaluations did not record it."""
    start, length = example.record.get("start", -1), len(str(example.record.get("prediction", "")))
    if example.passage is None:
        return Markup("")
    return marked(example.passage, (start, start + length) if start >= 0 and length else None)


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
