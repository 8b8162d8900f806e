import struct
from xml.etree import ElementTree as ET

import pytest
from podtune.steps.write_card.charts import (
    Curve,
    Curves,
    Line,
    charts_of,
    curves_of,
    interval_bar,
    line_chart,
    loss_picture,
)

SVG = "{http://www.w3.org/2000/svg}"


def curves_over(steps: int) -> Curves:
    """A run without a log."""
    empty = Curve((), ())
    return Curves(loss=empty, learning_rate=empty, validation={}, kept=(steps, 0.5), steps=steps, epoch_ends=[1])


def parsed(picture: str) -> ET.Element:
    """The picture as an element, of the namespaces that a page gives it."""
    return ET.fromstring(
        str(picture).replace(
            "<svg ", '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" ', 1
        )
    )


def test_the_log_becomes_curves(contents) -> None:
    curves = curves_of(contents().records)

    assert curves.loss.steps == (69, 207, 690, 1035, 1380, 1935, 2070)
    assert curves.learning_rate.values[1] == 6e-5
    assert curves.validation["f1"] == Curve((690, 1380), (85.9, 88.0))
    assert curves.kept == (2070, 1.0187)
    assert curves.epoch_ends == [690, 1380]


def test_many_epochs_are_not_marked(finished_run, contents) -> None:
    finished_run.facts["checkpoint"].update(steps=2070, steps_per_epoch=10)

    assert curves_of(contents().records).epoch_ends == []


def test_a_long_curve_is_smoothed_over_its_neighbours() -> None:
    curve = Curve(tuple(range(80)), tuple([0.0, 1.0] * 40))

    smoothed = curve.smoothed()

    assert smoothed.values[:3] == pytest.approx((1 / 3, 0.5, 0.4))
    assert smoothed.values[40] == pytest.approx(0.4)


def test_a_short_curve_is_left_alone() -> None:
    curve = Curve((1, 2, 3), (5.0, 1.0, 9.0))

    assert curve.smoothed() == curve


def test_a_long_curve_is_thinned_to_means() -> None:
    curve = Curve((1, 2, 3, 4, 5), (1.0, 3.0, 5.0, 7.0, 9.0))

    assert curve.thinned(2) == Curve((2.0, 4.5), (3.0, 8.0))
    assert Curve((), ()).thinned(2) == Curve((), ())


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

    picture = parsed(line_chart("Loss & more", lines, curves_over(2)))

    assert picture.get("aria-label") == "Loss & more"
    assert [title.text for title in picture.iter(f"{SVG}title")] == ["a < b", "last"]
    assert len(list(picture.iter(f"{SVG}use"))) == 1
    first, *_ = (group for group in picture.iter(f"{SVG}g") if group.find(f"{SVG}title") is not None)
    assert first.find(f"{SVG}path").get("d").split() == ["M", "378", "15.678439", "L", "705.6", "121.88722"]


def test_a_chart_takes_the_colours_of_its_page(contents) -> None:
    records = contents().records

    loss, *_ = charts_of(curves_of(records), ["f1"])

    assert "stroke: var(--main)" in loss.picture
    assert "#0b6bcb" not in loss.picture
    assert loss == charts_of(curves_of(records), ["f1"])[0]


def test_a_long_log_is_drawn_in_few_points() -> None:
    steps = tuple(range(1, 40_001))
    line = Line("raw", "loss", Curve(steps, tuple(float(step % 7) for step in steps)))

    assert len(line_chart("Loss", [line], curves_over(40_000))) < 20_000


def test_a_bar_stays_between_0_and_100() -> None:
    bar = ET.fromstring(interval_bar(99.0, 97.5, 101.0, highest=100.0))

    assert [part.get("width") for part in bar] == ["100", "99.0", "2.5"]
