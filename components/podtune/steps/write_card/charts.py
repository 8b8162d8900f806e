"""Curves as charts, drawn by matplotlib: a PNG for the card, inline SVG for the report."""

import io
import re
from dataclasses import dataclass
from typing import Any, Iterable, List, Mapping, Optional, Sequence

import matplotlib
from markupsafe import Markup, escape
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from podtune.formats.verdict import PastVersion
from podtune.steps.write_card.curves import Axis, Curve, Curves
from podtune.steps.write_card.wording import short
from podtune.tasks.task import TaskWords, metric_named

MOST_POINTS = 400

INK, FAINT, LINE, MARK = "#24292f", "#d0d7de", "#0b6bcb", "#c2410c"
THEME = {
    INK: "var(--soft)",
    FAINT: "var(--edge)",
    LINE: "var(--main)",
    MARK: "var(--other)",
    "font-family: 'DejaVu Sans', sans-serif; ": "",
}
"""What is replaced in the report's pictures, so that colours, light or dark, and font are those of its style sheet."""

STYLES: Mapping[str, Mapping[str, Any]] = {
    "raw": {"color": LINE, "alpha": 0.3, "linewidth": 1},
    "main": {"color": LINE, "linewidth": 1.8},
    "other": {"color": MARK, "linewidth": 1.8},
    "kept": {"color": MARK, "linestyle": "none", "marker": "D", "markersize": 6},
}
"""How each kind of line is drawn; the style sheet has a class of the same name for its legend."""


@dataclass(frozen=True)
class Line:
    """A curve in a chart."""

    style: str
    """One of STYLES."""

    label: str
    curve: Curve
    dots: bool = False
    """Whether each point is marked."""


@dataclass(frozen=True)
class Chart:
    """A chart of the report."""

    title: str
    lines: List[Line]
    picture: Markup


def loss_picture(curves: Curves) -> bytes:
    """Draw the training loss and the validation loss as PNG, for readers that show no HTML."""
    with matplotlib.rc_context(matplotlib.rcParamsDefault):  # else a user's matplotlibrc changes the picture
        figure = Figure(figsize=(8, 3.6), dpi=150, facecolor="white", layout="constrained")
        axes = figure.add_subplot()
        _draw(axes, _loss_lines(curves), curves.axis)
        axes.set_xlabel("optimizer step (dashed: end of an epoch)", color=INK)
        axes.set_ylabel("loss", color=INK)
        axes.legend(frameon=False, labelcolor=INK, fontsize=9)
        stream = io.BytesIO()
        FigureCanvasAgg(figure).print_png(stream, metadata={"Software": None})
    return stream.getvalue()


def charts_of(curves: Curves, words: TaskWords) -> List[Chart]:
    """Draw the loss, metrics of the validation during training, and how the training went; skip empty charts."""
    metrics = words.curves
    validation, percent = "Validation during training", [name for name in metrics if metric_named(name).in_percent]
    others = {metric_named(name).title: _validation_lines(curves, [name]) for name in metrics if name not in percent}
    titled = {
        "Loss": _loss_lines(curves),
        f"{validation}, percent": _validation_lines(curves, percent),
        **{f"{validation}, {title}": lines for title, lines in others.items()},
        "Learning rate": _one_line("learning rate", curves.learning_rate),
        "Gradient norm": _one_line("gradient norm", curves.gradient_norm),
        f"{words.rows} per second".capitalize(): _one_line(f"{words.rows} per second", curves.speed),
    }
    return [Chart(title, lines, line_chart(title, lines, curves.axis)) for title, lines in titled.items() if lines]


def history_chart(history: Sequence[PastVersion], metric: str, value: float) -> Optional[Chart]:
    """Draw a metric of the versions so far, and this model's value; None where no version has it."""
    past = [(int(version.version), version.metrics[metric]) for version in history if metric in version.metrics]
    if not past:
        return None
    new, title = past[-1][0] + 1, f"{metric_named(metric).title} by version"
    lines = [
        Line("main", "versions", Curve(*zip(*past)), dots=True),
        Line("kept", "this model", Curve((new,), (value,))),
    ]
    axis = Axis(past[0][0] - 0.25, new + 0.25, from_zero=False)
    return Chart(title, lines, line_chart(title, lines, axis))


def line_chart(title: str, lines: Sequence[Line], axis: Axis) -> Markup:
    """Draw lines with at least one point, as SVG in the colours of the page around it."""
    # text as text, and ids that repeat from run to run
    settings = {"svg.fonttype": "none", "svg.hashsalt": "podtune", "font.sans-serif": ["DejaVu Sans"], "font.size": 12}
    with matplotlib.rc_context({**matplotlib.rcParamsDefault, **settings}):
        figure = Figure(figsize=(6.4, 3.2), frameon=False)
        axes = figure.add_axes((0.12, 0.12, 0.86, 0.84), facecolor="none")
        _draw(axes, lines, axis)
        stream = io.StringIO()
        FigureCanvasSVG(figure).print_svg(stream, metadata=dict.fromkeys(("Creator", "Date", "Format", "Type")))
    return _inline(stream.getvalue(), title, lines)


def interval_bar(value: float, low: float, high: float, highest: float) -> Markup:
    """Draw a share of the highest value as a bar with its 95% interval."""
    shown, first, last = (round(max(0.0, min(100.0, 100 * number / highest)), 2) for number in (value, low, high))
    return Markup(
        '<svg class="bar" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">'
        '<rect class="track" width="100" height="8" rx="1"/><rect class="fill" width="{}" height="8" rx="1"/>'
        '<rect class="interval" x="{}" y="2.5" width="{}" height="3"/></svg>'
    ).format(shown, first, round(last - first, 2))


def _loss_lines(curves: Curves) -> List[Line]:
    step, loss = curves.kept
    lines = [
        Line("raw", "training, as logged", curves.loss),
        Line("main", "training, running mean", curves.loss.smoothed()),
        Line("other", "validation during training", curves.validation.get("loss", Curve((), ())), dots=True),
        Line("kept", "validation, released weights", Curve((step,), (loss,)), dots=True),
    ]
    return [line for line in lines if line.curve.steps]


def _validation_lines(curves: Curves, metrics: Iterable[str]) -> List[Line]:
    drawn = [name for name in metrics if name in curves.validation]
    styles = ("main", "other", "raw")
    return [
        Line(style, metric_named(name).title, curves.validation[name], dots=True) for style, name in zip(styles, drawn)
    ]


def _one_line(label: str, curve: Curve) -> List[Line]:
    return [Line("main", label, curve)] if curve.steps else []


def _draw(axes: Any, lines: Sequence[Line], axis: Axis) -> None:
    """Draw lines; nothing is clipped, so that the SVG needs no references for it."""
    for number, line in enumerate(lines):
        curve = line.curve if line.dots else line.curve.thinned(MOST_POINTS)
        style = {"marker": "o" if line.dots else "", "markersize": 5, **STYLES[line.style]}
        axes.plot(curve.steps, curve.values, label=line.label, gid=f"line-{number}", clip_on=False, **style)
    for mark in axis.marks:
        axes.axvline(mark, color=FAINT, linewidth=0.8, linestyle=(0, (3, 3)), zorder=0, clip_on=False)
    axes.set_xlim(axis.start, axis.end)
    if axis.from_zero:
        axes.set_ylim(bottom=0)
    axes.grid(axis="y", color=FAINT, linewidth=0.6, clip_on=False)
    axes.spines[:].set_visible(False)
    axes.tick_params(colors=INK, length=0, pad=6)
    axes.locator_params(nbins=5)
    axes.locator_params("x", integer=True)
    for each in (axes.xaxis, axes.yaxis):
        each.set_major_formatter(lambda value, _: short(value))


def _inline(svg: str, title: str, lines: Sequence[Line]) -> Markup:
    """Embed an SVG file in a page: drop its prolog, use the page's colours, and turn ids into titles."""
    drawn = " ".join(svg[svg.index("<g ") :].split())
    for number, line in enumerate(lines):
        drawn = drawn.replace(f'<g id="line-{number}">', f"<g><title>{escape(line.label)}</title>")
    drawn = re.sub(r'<g id="[^"]*"', "<g", drawn).replace("<g/>", "")
    for colour, variable in THEME.items():
        drawn = drawn.replace(colour, variable)
    start = Markup('<svg viewBox="0 0 460.8 230.4" role="img" aria-label="{}">').format(title)
    return start + Markup(drawn)  # noqa: S704  # matplotlib's, and the labels in it are escaped
