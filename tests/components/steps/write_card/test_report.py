import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any, Callable, List

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from podtune.steps.write_card.curves import curves_of
from podtune.steps.write_card.examples import Example
from podtune.steps.write_card.report import html_report
from podtune.steps.write_card.tables import template_values
from podtune.tasks.task import Passage


class Tags(HTMLParser):
    """Every tag that a browser would find, and every address."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: List[str] = []
        self.addresses: List[Any] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: Any) -> None:
        self.tags.append(tag)
        self.addresses += [value for name, value in attributes if name in {"href", "src", "xlink:href", "action"}]


def report_of(contents: Any) -> str:
    return html_report(template_values(contents), curves_of(contents.records))


def shown_as(contents: Any, record: Any, text: str) -> Any:
    """The run's examples, the worst of which is this one, about a passage that ends with the text."""
    passage = Passage(f"The star {text}", [(4, 8)])
    worst = Example(record, None, passage, champion=text)
    return replace(contents.records.examples, worst=[worst])


def test_the_report_of_a_literal_run_is_the_golden_one(contents: Any, golden: Callable[[str, str], None]) -> None:
    golden("write_card/report.html", report_of(contents()))


def test_the_report_needs_nothing_and_runs_nothing(contents) -> None:
    report = report_of(contents())

    found = Tags(report)
    assert {"script", "img", "link", "iframe", "object", "form"}.isdisjoint(found.tags)
    assert sorted(address for address in found.addresses if not address.startswith("#")) == [
        "https://huggingface.co/datasets/rajpurkar/squad",
        "https://huggingface.co/datasets/rajpurkar/squad",
        "https://huggingface.co/google-bert/bert-base-uncased",
        "https://huggingface.co/google-bert/bert-base-uncased",
    ]
    assert "default-src 'none'" in report
    assert not re.search(r"url\(|@import| on[a-z]+=", report)


def test_a_run_without_evaluations_slices_or_mistakes_has_a_report(finished_run, contents) -> None:
    finished_run.log = [line for line in finished_run.log if "loss" in line]
    finished_run.facts["evaluation"]["slices"] = []
    finished_run.examples = finished_run.examples[:1]
    finished_run.facts["verdict"].update(better={}, worse={}, slices=[], history=[])
    finished_run.card.pop("reference")

    report = report_of(contents())

    assert "Worst examples" not in report
    assert "Results by subset" not in report
    assert "during training" not in report


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(text=st.text(max_size=60) | st.text("<>&\"'/=!-script ", max_size=40))
def test_no_text_of_the_data_or_a_recipe_breaks_the_report(literal_contents, text: str) -> None:
    example = {"id": text, "question": text, "answers": [text, f"</dd>{text}"], "prediction": text, "scores": {"f1": 0}}
    records = replace(literal_contents.records, examples=shown_as(literal_contents, example, text))
    card = replace(literal_contents.card, description=f"a{text}")
    slices = {text: literal_contents.slices["windows"]}
    changed = replace(literal_contents, records=records, card=card, slices=slices)
    plain = {**example, "id": "a", "question": "b", "answers": ["c"], "prediction": "d"}
    unmarked = replace(records, examples=shown_as(literal_contents, plain, "e"))
    unchanged = replace(changed, records=unmarked, card=literal_contents.card)

    assert Tags(report_of(changed)).tags == Tags(report_of(unchanged)).tags
