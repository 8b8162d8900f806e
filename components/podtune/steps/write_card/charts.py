"""The training log as charts, drawn by matplotlib: a PNG for the card, inline SVG for the report."""

import io
import re
from dataclasses import dataclass
from typing import Any, Dict, Iterable, List, Mapping, Sequence, Tuple

import matplotlib
import numpy as np
from markupsafe import Markup, escape
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from podtune.steps.write_card.records import Records
from podtune.steps.write_card.wording import short
from podtune.tasks.task import metric_named

MOST_EPOCHS = 20
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
class Curve:
    """Values over optimizer steps."""

    steps: Tuple[float, ...]
    values: Tuple[float, ...]

    def smoothed(self) -> "Curve":
        """Return the running mean over a twentieth of the curve, with a shorter window at both ends."""
        half = len(self.steps) // 40
        if half == 0:
            return self
        sums = np.concatenate([[0.0], np.cumsum(self.values)])
        index = np.arange(len(self.steps))
        first, last = np.maximum(index - half, 0), np.minimum(index + half + 1, len(self.steps))
        return Curve(self.steps, tuple(((sums[last] - sums[first]) / (last - first)).tolist()))

    def thinned(self, most: int) -> "Curve":
        """Reduce the curve to at most this many points, each the mean of a block of neighbours."""
        size = -(-len(self.steps) // most) if self.steps else 1
        blocks = range(0, len(self.steps), size)
        steps, values = (
            tuple(sum(row[block : block + size]) / len(row[block : block + size]) for block in blocks)
            for row in (self.steps, self.values)
        )
        return Curve(steps, values)


@dataclass(frozen=True)
class Curves:
    """A training run's log as curves."""

    loss: Curve
    learning_rate: Curve
    validation: Dict[str, Curve]
    """Metric to its values during training; empty where the run evaluated only at its end."""

    kept: Tuple[int, float]
    """The released weights: their step, and their loss on the evaluated split."""

    steps: int
    """Steps of the run."""

    epoch_ends: List[int]
    """Steps, except the last; empty where there are too many to draw."""


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


def curves_of(records: Records) -> Curves:
    """Collect the curves from the log."""
    facts, log = records.checkpoint, records.log
    names = sorted({name for _, metrics in log.evaluations for name in metrics})
    points = {name: [(step, metrics[name]) for step, metrics in log.evaluations if name in metrics] for name in names}
    ends = list(range(facts.steps_per_epoch, facts.steps, max(facts.steps_per_epoch, 1)))
    return Curves(
        loss=_curve([(entry["step"], entry["loss"]) for entry in log.training]),
        learning_rate=_curve([(entry["step"], entry["learning_rate"]) for entry in log.training]),
        validation={name: _curve(values) for name, values in points.items()},
        kept=(facts.kept_step, records.evaluation.loss),
        steps=facts.steps,
        epoch_ends=ends if len(ends) <= MOST_EPOCHS else [],
    )


def loss_picture(curves: Curves) -> bytes:
    """Draw the training loss and the validation loss as PNG, for readers that show no HTML."""
    with matplotlib.rc_context(matplotlib.rcParamsDefault):  # else a user's matplotlibrc changes the picture
        figure = Figure(figsize=(8, 3.6), dpi=150, facecolor="white", layout="constrained")
        axes = figure.add_subplot()
        _draw(axes, _loss_lines(curves), curves)
        axes.set_xlabel("optimizer step (dashed: end of an epoch)", color=INK)
        axes.set_ylabel("loss", color=INK)
        axes.legend(frameon=False, labelcolor=INK, fontsize=9)
        stream = io.BytesIO()
        FigureCanvasAgg(figure).print_png(stream, metadata={"Software": None})
    return stream.getvalue()


def charts_of(curves: Curves, metrics: Sequence[str]) -> List[Chart]:
    """Draw the loss, these metrics of the validation during training, and the learning rate; skip empty charts."""
    validation, percent = "Validation during training", [name for name in metrics if metric_named(name).in_percent]
    titled = {
        "Loss": _loss_lines(curves),
        f"{validation}, percent": _validation_lines(curves, percent),
        **{f"{validation}, {name}": _validation_lines(curves, [name]) for name in metrics if name not in percent},
        "Learning rate": [Line("main", "learning rate", curves.learning_rate)] if curves.learning_rate.steps else [],
    }
    return [Chart(title, lines, line_chart(title, lines, curves)) for title, lines in titled.items() if lines]


def line_chart(title: str, lines: Sequence[Line], curves: Curves) -> Markup:
    """Draw lines with at least one point over the steps of a run, as SVG in the colours of the page around it."""
    # text as text, and ids that repeat from run to run
    settings = {"svg.fonttype": "none", "svg.hashsalt": "podtune", "font.sans-serif": ["DejaVu Sans"], "font.size": 11}
    with matplotlib.rc_context({**matplotlib.rcParamsDefault, **settings}):
        figure = Figure(figsize=(10, 3.6), frameon=False)
        axes = figure.add_axes((0.07, 0.12, 0.91, 0.84), facecolor="none")
        _draw(axes, lines, curves)
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
    return [Line(style, name, curves.validation[name], dots=True) for style, name in zip(styles, drawn)]


def _draw(axes: Any, lines: Sequence[Line], curves: Curves) -> None:
    """Draw lines over the steps of a run; nothing is clipped, so that the SVG needs no references for it."""
    for number, line in enumerate(lines):
        curve = line.curve if line.dots else line.curve.thinned(MOST_POINTS)
        style = {"marker": "o" if line.dots else "", "markersize": 4, **STYLES[line.style]}
        axes.plot(curve.steps, curve.values, label=line.label, gid=f"line-{number}", clip_on=False, **style)
    for end in curves.epoch_ends:
        axes.axvline(end, color=FAINT, linewidth=0.8, linestyle=(0, (3, 3)), zorder=0, clip_on=False)
    axes.set_xlim(0, max(curves.steps, 1))
    axes.set_ylim(bottom=0)
    axes.grid(axis="y", color=FAINT, linewidth=0.6, clip_on=False)
    axes.spines[:].set_visible(False)
    axes.tick_params(colors=INK, length=0, pad=6)
    axes.locator_params(nbins=6)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(lambda value, _: short(value))


def _inline(svg: str, title: str, lines: Sequence[Line]) -> Markup:
    """Embed an SVG file in a page: drop its prolog, use the page's colours, and turn ids into titles."""
    drawn = " ".join(svg[svg.index("<g ") :].split())
    for number, line in enumerate(lines):
        drawn = drawn.replace(f'<g id="line-{number}">', f"<g><title>{escape(line.label)}</title>")
    drawn = re.sub(r'<g id="[^"]*"', "<g", drawn).replace("<g/>", "")
    for colour, variable in THEME.items():
        drawn = drawn.replace(colour, variable)
    start = Markup('<svg viewBox="0 0 720 259.2" role="img" aria-label="{}">').format(title)
    return start + Markup(drawn)  # noqa: S704  # matplotlib's, and the labels in it are escaped


def _curve(points: Sequence[Tuple[float, float]]) -> Curve:
    return Curve(tuple(step for step, _ in points), tuple(value for _, value in points))
