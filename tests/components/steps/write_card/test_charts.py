from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from podtune.steps.write_card.charts import Line, interval_bar, line_chart, tick_values
from podtune.steps.write_card.curves import Curve


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (0, 5.1, [0, 2, 4, 6]),
        (0, 6e-5, [0, 2e-5, 4e-5, 6e-5]),
        (0, 100, [0, 20, 40, 60, 80, 100]),
        (0, 0, [0, 0.2]),
        (0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1.0]),
    ],
)
def test_ticks_are_round_numbers(low: float, high: float, ticks: list) -> None:
    assert tick_values(low, high) == pytest.approx(ticks)


@given(st.floats(1e-9, 1e9))
def test_ticks_enclose_the_values(high: float) -> None:
    ticks = tick_values(0.0, high)

    assert ticks[0] == 0
    assert ticks[-1] >= high * (1 - 1e-6)
    assert 2 <= len(ticks) <= 7


def test_a_chart_is_one_picture_with_every_curve() -> None:
    lines = [Line("main", "a < b", Curve((1, 2), (0.5, 0.25))), Line("kept", "last", Curve((2,), (0.3,)), dots=True)]

    picture = ET.fromstring(line_chart("Loss & more", lines, steps=2, marks=[1]))

    assert picture.get("aria-label") == "Loss & more"
    assert [title.text for title in picture.iter("title")] == ["a < b", "last"]
    assert len(list(picture.iter("circle"))) == 1
    assert next(picture.iter("polyline")).get("points") == "380.0,12.0 704.0,120.0"


def test_a_bar_stays_between_0_and_100() -> None:
    bar = ET.fromstring(interval_bar(99.0, 97.5, 101.0, highest=100.0))

    assert [part.get("width") for part in bar] == ["100", "99.0", "2.5"]
