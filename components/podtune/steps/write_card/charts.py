"""Line charts and interval bars as inline SVG, coloured by the page's style sheet so that they fit light and dark."""

from dataclasses import dataclass
from math import floor, log10
from typing import List, Sequence, Tuple

from markupsafe import Markup, escape

from podtune.steps.write_card.curves import Curve
from podtune.steps.write_card.wording import short

WIDTH, HEIGHT = 720.0, 260.0
LEFT, RIGHT, TOP, BOTTOM = 56.0, 16.0, 12.0, 32.0
MOST_POINTS = 400


@dataclass(frozen=True)
class Line:
    """A curve with the class that the style sheet draws it by."""

    style: str
    label: str
    curve: Curve
    dots: bool = False
    """Whether each point is marked."""


@dataclass(frozen=True)
class _Scale:
    """Values to places along one axis of the picture."""

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)


def line_chart(title: str, lines: Sequence[Line], steps: int, marks: Sequence[float] = ()) -> Markup:
    """Draw curves, at least one point in all, over steps from 0 on; `marks` are steps that get a vertical line."""
    values = [value for line in lines for value in line.curve.values]
    across = _Scale(0.0, max(steps, 1), LEFT, WIDTH - RIGHT)
    ticks = tick_values(min(0.0, *values), max(values))
    upwards = _Scale(ticks[0], ticks[-1], HEIGHT - BOTTOM, TOP)
    parts = [_rule(upwards.at(tick), short(tick)) for tick in ticks]
    parts += [_step_tick(across.at(tick), short(tick)) for tick in tick_values(0.0, across.high) if tick <= across.high]
    parts += [_mark(across.at(mark)) for mark in marks]
    parts += [_drawn(line, across, upwards) for line in lines]
    return Markup('<svg viewBox="0 0 {:.0f} {:.0f}" role="img" aria-label="{}">{}</svg>').format(
        WIDTH, HEIGHT, title, Markup("").join(parts)
    )


def interval_bar(value: float, low: float, high: float, highest: float) -> Markup:
    """Draw a share of the highest value as a bar with its 95 % interval."""
    places = [round(max(0.0, min(100.0, 100 * number / highest)), 2) for number in (value, low, high)]
    return Markup(
        '<svg class="bar" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">'
        '<rect class="track" width="100" height="8" rx="1"/><rect class="fill" width="{0}" height="8" rx="1"/>'
        '<rect class="interval" x="{1}" y="2.5" width="{2}" height="3"/></svg>'
    ).format(places[0], places[1], round(places[2] - places[1], 2))


def tick_values(low: float, high: float) -> List[float]:
    """Round numbers from at or below `low` to at or above `high`, four to seven of them."""
    span = high - low or abs(high) or 1.0
    unit = 10.0 ** floor(log10(span / 4))
    step = next(factor * unit for factor in (1, 2, 2.5, 5, 10) if span / (factor * unit) <= 5)
    first = floor(low / step + 1e-9)
    last = first
    while last * step < high - step * 1e-9 or last == first:
        last += 1
    return [round(number * step, 12) for number in range(first, last + 1)]


def _drawn(line: Line, across: _Scale, upwards: _Scale) -> Markup:
    curve = line.curve if line.dots else line.curve.thinned(MOST_POINTS)
    places = [(across.at(step), upwards.at(value)) for step, value in zip(curve.steps, curve.values)]
    dots = Markup("").join(_dot(line.style, place) for place in places) if line.dots else Markup("")
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    return Markup('<g><title>{}</title><polyline class="line {}" points="{}"/>{}</g>').format(
        line.label, line.style, points, dots
    )


def _dot(style: str, place: Tuple[float, float]) -> Markup:
    return Markup('<circle class="dot {}" cx="{:.1f}" cy="{:.1f}" r="3.5"/>').format(style, *place)


def _rule(height: float, label: str) -> Markup:
    """A horizontal line with its value on the left."""
    return Markup(
        '<line class="grid" x1="{0}" x2="{1}" y1="{2:.1f}" y2="{2:.1f}"/>'
        '<text class="tick" x="{3}" y="{4:.1f}" text-anchor="end">{5}</text>'
    ).format(LEFT, WIDTH - RIGHT, height, LEFT - 8, height + 4, escape(label))


def _step_tick(place: float, label: str) -> Markup:
    return Markup('<text class="tick" x="{:.1f}" y="{}" text-anchor="middle">{}</text>').format(
        place, HEIGHT - BOTTOM + 18, label
    )


def _mark(place: float) -> Markup:
    return Markup('<line class="mark" x1="{0:.1f}" x2="{0:.1f}" y1="{1}" y2="{2}"/>').format(
        place, TOP, HEIGHT - BOTTOM
    )
