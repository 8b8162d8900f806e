"""Rules on tables that follow a training over its steps."""

import re
from math import ceil, exp, floor, inf
from typing import Iterator, List, Tuple

from podtune_pipelines.card_check.claims import Claims, Grid
from podtune_pipelines.card_check.printed_numbers import Stated, whole_numbers

Found = Iterator[Tuple[int, str]]

IMPLAUSIBLE = 0.3
"""No model writes captions with a cross-entropy per token below this; counted padding makes it so."""


def epochs_contradict_steps(claims: Claims) -> Found:
    """The columns of epochs and steps allow no number of steps per epoch."""
    for grid in _followed(claims):
        low, high = _steps_per_epoch(grid)
        if low > high:
            yield grid.lines[0], "no number of steps per epoch fits the columns of epochs and steps"


def headline_is_not_the_last_row(claims: Claims) -> Found:
    """The result given is an earlier row's, and the card does not say that the best checkpoint was kept."""
    loss = claims.headline.get("loss")
    if not loss or re.search(r"best (?:checkpoint|model|weights)|load_best_model|early stopping", claims.text, re.I):
        return
    for grid in _followed(claims):
        steps, losses = grid.column("step"), grid.column("validation loss")
        if not steps or not losses or losses[-1].value == loss.value:
            continue
        for step, row in zip(steps, losses):
            if row.value == loss.value:
                told = f"the loss {loss.text} is that of step {step.text}; the last row (step {steps[-1].text})"
                yield loss.line, f"{told} has {losses[-1].text}, and no best checkpoint is mentioned"
                break


def validation_loss_rises(claims: Claims) -> Found:
    """The validation loss rises after its least value while the training loss falls on."""
    for grid in _followed(claims):
        steps = grid.column("step")
        losses, training = grid.column("validation loss"), grid.column("training loss")
        if not steps or not losses or not training or re.search(r"overfit", claims.text, re.IGNORECASE):
            continue
        best = min(range(len(losses)), key=lambda row: losses[row].value)
        if losses[-1].value > losses[best].value and training[-1].value < training[best].value:
            rise = f"the validation loss rises from {losses[best].text} at step {steps[best].text} to {losses[-1].text}"
            fall = f"the training loss falls from {training[best].text} to {training[-1].text}"
            yield losses[best].line, f"{rise} while {fall}: overfitting is not discussed"


def last_step_not_in_the_table(claims: Claims) -> Found:
    """The table ends before the training did, so the last weights' result is nowhere."""
    epochs = claims.number("epochs")
    for grid in _followed(claims):
        low, high = _steps_per_epoch(grid)
        steps = grid.column("step")
        if epochs and steps and low <= high and steps[-1].value < low * epochs - 0.5:
            total = f"{low * epochs:,.0f}" if round(low) == round(high) else f"about {low * epochs:,.0f}"
            yield steps[-1].line, f"the table ends at step {steps[-1].value:,.0f} of {total}"


def data_used_in_part(claims: Claims) -> Found:
    """The steps per epoch show that only a part of each example's texts was trained on."""
    batch, data = claims.number("total_train_batch_size"), claims.data
    for grid in _followed(claims):
        low, high = _steps_per_epoch(grid)
        if not batch or not data or not data.subset or not low <= high < inf:
            continue
        part, unit, whole, whole_unit = data.subset
        least, most = (floor(low) - 1) * batch, ceil(high) * batch
        if least < part <= most and not least < whole <= most:
            told = f"{_range(low, high)} steps per epoch of {batch:g} are {part:,} {unit}, each once"
            yield grid.lines[0], f"{told}; {data.title} has {whole:,} {whole_unit}, and the card does not say so"


def loss_implausibly_low(claims: Claims) -> Found:
    """A loss per token that no model of language reaches."""
    loss, data = claims.headline.get("loss"), claims.data
    if loss and data and data.generated and loss.value < IMPLAUSIBLE:
        told = f"a loss of {loss.text} is a perplexity of {exp(loss.value):.2f}"
        yield loss.line, f"{told}, which no captions reach: padding was probably counted"


def _followed(claims: Claims) -> List[Grid]:
    """Tables with a column of steps and one of epochs, of three rows or more."""
    return [grid for grid in claims.grids if len(grid.rows) >= 3 and grid.column("step") and grid.column("epoch")]


def _steps_per_epoch(grid: Grid) -> Tuple[float, float]:
    """The least and the greatest number of steps per epoch that every row allows; whole numbers where there are any."""
    steps, epochs = grid.column("step") or [], grid.column("epoch") or []
    half = 0.5 * 10.0 ** -max(_decimals(epoch) for epoch in epochs)
    low, high = 0.0, inf
    for step, epoch in zip(steps, epochs):
        low = max(low, step.value / (epoch.value + half))
        high = min(high, step.value / (epoch.value - half)) if epoch.value > half else high
    whole = list(whole_numbers(low, high)) if high - low < 1000 else []
    return (float(whole[0]), float(whole[-1])) if whole else (low, high)


def _decimals(number: Stated) -> int:
    return len(number.text.partition(".")[2])


def _range(low: float, high: float) -> str:
    return f"{low:,.0f}" if round(low) == round(high) else f"{low:,.0f} to {high:,.0f}"
