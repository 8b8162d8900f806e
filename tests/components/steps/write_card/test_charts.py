import struct
from xml.etree import ElementTree as ET

from podtune.formats.verdict import PastVersion
from podtune.steps.write_card.charts import Line, charts_of, history_chart, interval_bar, line_chart, loss_picture
from podtune.steps.write_card.curves import Curve, Curves, curves_of
from podtune.tasks.question_answering.task import TASK

SVG = "{http://www.w3.org/2000/svg}"


def curves_over(steps: int) -> Curves:
    """A run without a log."""
    empty = Curve((), ())
    return Curves(
        loss=empty,
        learning_rate=empty,
        gradient_norm=empty,
        speed=empty,
        validation={},
        kept=(steps, 0.5),
        steps=steps,
        epoch_ends=[1],
    )


def parsed(picture: str) -> ET.Element:
    """The picture as an element, of the namespaces that a page gives it."""
    return ET.fromstring(
        str(picture).replace(
            "<svg ", '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" ', 1
        )
    )


def test_the_same_records_give_the_same_picture(contents) -> None:
    curves = curves_of(contents().records)

    picture = loss_picture(curves)

    assert picture == loss_picture(curves)
    assert struct.unpack(">II", picture[16:24]) == (1200, 540)
    assert b"Software" not in picture


def test_a_log_without_a_line_is_still_a_picture(finished_run, contents) -> None:
    finished_run.log = []

    assert loss_picture(curves_of(contents().records)).startswith(b"\x89PNG")


def test_a_chart_is_one_picture_with_every_curve() -> None:
    lines = [Line("main", "a < b", Curve((1, 2), (0.5, 0.25))), Line("kept", "last", Curve((2,), (0.3,)), dots=True)]

    picture = parsed(line_chart("Loss & more", lines, curves_over(2).axis))

    assert picture.get("aria-label") == "Loss & more"
    assert [title.text for title in picture.iter(f"{SVG}title")] == ["a < b", "last"]
    assert len(list(picture.iter(f"{SVG}use"))) == 1
    first, *_ = (group for group in picture.iter(f"{SVG}g") if group.find(f"{SVG}title") is not None)
    assert first.find(f"{SVG}path").get("d").split() == ["M", "253.44", "13.93639", "L", "451.584", "108.344195"]


def test_a_chart_takes_the_colours_of_its_page(contents) -> None:
    records = contents().records

    loss, *_ = charts_of(curves_of(records), TASK.words)

    assert "stroke: var(--main)" in loss.picture
    assert "#0b6bcb" not in loss.picture
    assert loss == charts_of(curves_of(records), TASK.words)[0]


def test_a_long_log_is_drawn_in_few_points() -> None:
    steps = tuple(range(1, 40_001))
    line = Line("raw", "loss", Curve(steps, tuple(float(step % 7) for step in steps)))

    assert len(line_chart("Loss", [line], curves_over(40_000).axis)) < 20_000


def test_a_bar_stays_between_0_and_100() -> None:
    bar = ET.fromstring(interval_bar(99.0, 97.5, 101.0, highest=100.0))

    assert [part.get("width") for part in bar] == ["100", "99.0", "2.5"]


def test_the_versions_so_far_and_this_model_are_one_chart() -> None:
    history = [PastVersion("8", "2026-10-01", 500, {"f1": 60.0}), PastVersion("9", "2026-10-02", 500, {"f1": 70.0})]

    chart = history_chart(history, "f1", 90.0)

    assert chart is not None
    assert chart.title == "F1 by version"
    assert [(line.label, line.curve) for line in chart.lines] == [
        ("versions", Curve((8, 9), (60.0, 70.0))),
        ("this model", Curve((10,), (90.0,))),
    ]


def test_a_metric_that_no_version_has_is_no_chart() -> None:
    assert history_chart([PastVersion("1", "2026-10-01", 500, {"f1": 60.0})], "exact_match", 90.0) is None
