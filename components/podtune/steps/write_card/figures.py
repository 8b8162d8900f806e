"""The loss curve as a picture, for cards that are read where no HTML is."""

import io
from typing import Any

import matplotlib
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from podtune.steps.write_card.curves import Curves

INK, FAINT, LINE, MARK = "#24292f", "#d0d7de", "#0b6bcb", "#c2410c"


def loss_picture(curves: Curves) -> bytes:
    """Draw the training loss over the steps, and the validation loss of the finished model; PNG."""
    with matplotlib.rc_context(matplotlib.rcParamsDefault):
        figure = Figure(figsize=(8, 3.6), dpi=150, facecolor="white", layout="constrained")
        axes = figure.add_subplot()
        _draw(axes, curves)
        _style(axes)
        stream = io.BytesIO()
        FigureCanvasAgg(figure).print_png(stream, metadata={"Software": None})
    return stream.getvalue()


def _draw(axes: Any, curves: Curves) -> None:
    loss, smoothed = curves.loss, curves.loss.smoothed()
    axes.plot(loss.steps, loss.values, color=LINE, alpha=0.3, linewidth=1, label="training, as logged")
    axes.plot(smoothed.steps, smoothed.values, color=LINE, linewidth=1.8, label="training, running mean")
    validation = curves.on_the_way.get("loss")
    if validation:
        axes.plot(validation.steps, validation.values, color=MARK, marker="o", markersize=4, label="validation")
    step, value = curves.kept
    axes.plot(
        [step], [value], color=MARK, marker="D", markersize=6, linestyle="none", label="validation, these weights"
    )
    for end in curves.epoch_ends:
        axes.axvline(end, color=FAINT, linewidth=0.8, linestyle=(0, (3, 3)), zorder=0)


def _style(axes: Any) -> None:
    axes.set_xlabel("optimizer step; dashed: end of an epoch", color=INK)
    axes.set_ylabel("loss", color=INK)
    axes.set_ylim(bottom=0)
    axes.grid(axis="y", color=FAINT, linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(FAINT)
    axes.tick_params(colors=INK, length=0)
    axes.legend(frameon=False, labelcolor=INK, fontsize=9)
