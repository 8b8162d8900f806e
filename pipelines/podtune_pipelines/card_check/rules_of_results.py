"""Rules on the figures that training and evaluation printed."""

import re
from dataclasses import dataclass
from math import ceil, floor
from typing import Iterator, Optional, Tuple

from podtune_pipelines.card_check.claims import Claims
from podtune_pipelines.card_check.printed_numbers import (
    Stated,
    excludes,
    nearest_count,
    on_float16_grid,
    product,
    read_number,
    was_float32,
)

Found = Iterator[Tuple[int, str]]

SHARES = ("eval_accuracy", "eval_exact_match")
FAR = 2.0
"""A validation loss so many times the training loss, or the reverse, needs a word."""

_EVAL_BLOCK = re.compile(
    r"(?<!\*)\*{3,} *eval metrics \*{3,}(.*?)(?=\*\*\*|```|\n *\n|\Z)|\{([^{}]*eval_[^{}]*)\}", re.DOTALL
)


@dataclass(frozen=True)
class _Steps:
    """The steps of a run: as its speed tells, and as its samples do."""

    rate: Stated
    low: float
    high: float
    dropped: int
    """Without each epoch's last partial batch."""

    kept: int
    """With it."""

    def allows(self, total: int) -> bool:
        return self.low <= total <= self.high


def denominator_is_not_eval_samples(claims: Claims) -> Found:
    """A share is no whole number of the samples given, but one of the full batches: the last one was dropped."""
    samples, batch, data = claims.measured.get("eval_samples"), claims.number("total_eval_batch_size"), claims.data
    if not samples or not batch or (data and samples.value in data.windows):
        return
    given, full = int(samples.value), int(samples.value // batch * batch)
    for name, share in _shares(claims):
        parts = data.parts if data and name == "eval_accuracy" else 1
        count = nearest_count(share, full, parts) if full != given and excludes(share, given, parts) else None
        if count is not None:
            counted = f"but {count / parts:,.10g} of {full:,}, the full batches of {batch:g}"
            sure = " (it was computed in float32: likely, not proven)" if was_float32(share) else ""
            yield share.line, f"{name} {share.text} is no whole number of the {given:,} eval_samples, {counted}{sure}"


def impossible_share(claims: Claims) -> Found:
    """A share of the known number of questions that is no whole number of them."""
    samples, data = claims.measured.get("eval_samples"), claims.data
    questions = data.windows.get(int(samples.value)) if samples and data else None
    for name, share in _shares(claims) if questions else ():
        if questions and excludes(share, questions):
            yield share.line, f"{name} {share.text} is no whole number of the {questions:,} questions"


def samples_are_no_known_split(claims: Claims) -> Found:
    """The samples given are nearly those of a published split: some were left out."""
    data = claims.data
    for name in ("train_samples", "eval_samples"):
        number = claims.measured.get(name)
        if not number or not data or number.value in data.sizes or number.value in data.windows:
            continue
        near = [size for size in data.sizes if abs(size - number.value) <= 0.01 * size]
        for size in near[:1]:
            yield number.line, f"{name} is {number.value:,.0f}, but {data.title} has {size:,} {data.sizes[size]}"


def windows_counted_as_questions(claims: Claims) -> Found:
    """The samples given are windows of contexts; the metrics are over questions."""
    samples, data = claims.measured.get("eval_samples"), claims.data
    questions = data.windows.get(int(samples.value)) if samples and data else None
    if samples and questions:
        told = f"eval_samples {samples.value:,.0f} are windows"
        yield samples.line, f"{told}; the metrics are over {questions:,} questions"


def loss_on_float16_grid(claims: Claims) -> Found:
    """A loss is exactly a half-precision number: it was summed or kept with three digits."""
    for name in ("eval_loss", "train_loss"):
        loss = claims.measured.get(name)
        if loss and on_float16_grid(loss):
            told = f"{name} {loss.text} is exactly a float16 number"
            yield loss.line, f"{told}: about three of its {loss.digits} digits count"


def losses_far_apart(claims: Claims) -> Found:
    """Training and validation loss differ by a factor, and the card says neither how they are averaged nor why."""
    train = claims.measured.get("train_loss")
    validation = claims.measured.get("eval_loss") or claims.headline.get("loss")
    if not train or not validation or not train.value or not validation.value:
        return
    ratio = validation.value / train.value
    if not 1 / FAR < ratio < FAR and not re.search(r"overfit|mean over|averaged? over", claims.text, re.IGNORECASE):
        why = "overfitting" if ratio > 1 else "a mean over the whole training, its start included,"
        yield train.line, f"the validation loss is {ratio:.2g} times train_loss; {why} is not discussed"


def speed_contradicts_samples(claims: Claims) -> Found:
    """Samples per second times seconds are not the samples times the epochs."""
    rate, runtime = claims.measured.get("train_samples_per_second"), claims.measured.get("train_runtime")
    samples, epochs, seen = claims.measured.get("train_samples"), _epochs(claims), claims.measured.get("train_seen")
    total = seen.value if seen else samples.value * epochs if samples and epochs else None
    if rate and runtime and total:
        low, high = product(rate, runtime)
        if not low <= total <= high:
            told = f"{rate.text} samples per second for {runtime.value:g} seconds are {rate.value * runtime.value:,.0f}"
            yield rate.line, f"{told}, not {total:,.0f}"


def speed_contradicts_steps(claims: Claims) -> Found:
    """Steps per second times seconds are the steps of no way to cut the samples into batches."""
    steps = _steps(claims)
    if steps and not steps.allows(steps.dropped) and not steps.allows(steps.kept):
        given = f"{steps.rate.text} steps per second are {steps.low:,.1f} to {steps.high:,.1f} steps"
        yield steps.rate.line, f"{given}; the samples, batch and epochs give {steps.dropped:,} or {steps.kept:,}"


def partial_batch_dropped(claims: Claims) -> Found:
    """The speed shows that the last batch of an epoch was dropped, and the command line does not say so."""
    steps = _steps(claims)
    if not steps or "dataloader_drop_last" in claims.command:
        return
    if steps.allows(steps.dropped) and not steps.allows(steps.kept):
        told = f"the run took {steps.dropped:,} steps, not {steps.kept:,}"
        yield steps.rate.line, f"{told}: each epoch's last batch was dropped unsaid"


def training_figures_missing(claims: Claims) -> Found:
    """There are results, and neither loss, time nor samples of the training."""
    results = [number for name, number in claims.measured.items() if name.startswith("eval_")]
    trained = any(name.startswith("train_") for name in claims.measured)
    if results and not trained and not re.search(r"training loss", claims.text, re.IGNORECASE):
        yield results[0].line, "results are given without any figure of the training: loss, time, samples"


def epoch_among_results(claims: Claims) -> Found:
    """The count of epochs stands among the results of the evaluation."""
    for block in _EVAL_BLOCK.finditer(claims.text):
        inside = next(group for group in (1, 2) if block.group(group) is not None)
        epoch = re.search(r"\bepoch\b", block.group(inside))
        if epoch and "train_" not in block.group(inside):
            yield claims.line_at(block.start(inside) + epoch.start()), "epoch stands among the evaluation's results"


def results_not_in_a_table(claims: Claims) -> Found:
    """Results are only in a program's output or a list."""
    numbers = claims.headline or {name: n for name, n in claims.measured.items() if name.startswith("eval_")}
    if numbers and not claims.grids:
        yield min(number.line for number in numbers.values()), "the results are in no table"


def results_differ(claims: Claims) -> Found:
    """One metric has different values in different places."""
    metrics = claims.indexed("metrics")
    kinds = [str(metric["type"]) for metric in metrics]
    for kind, value in ((kind, metric.get("value")) for kind, metric in zip(kinds, metrics)):
        printed = (claims.headline.get(kind), claims.measured.get(f"eval_{kind}"))
        if kinds.count(kind) > 1 or not isinstance(value, (int, float)):
            continue
        for stated in [number for number in printed if number and not _equal(number, value)][:1]:
            yield stated.line, f"{kind} is {stated.text} here, but {value} in the model-index"


def count_contradicts_share(claims: Claims) -> Found:
    """A metric's row says "K of N" beside a percentage that is not K / N."""
    for row, line in (found for grid in claims.grids if grid.header[:1] == ("metric",) for found in grid):
        counted = next(filter(None, (re.fullmatch(r"([\d,]+) of ([\d,]+)", cell) for cell in row)), None)
        share = read_number(row[1], line) if counted else None
        if counted and share:
            right, of = (float(group.replace(",", "") or 0) for group in counted.groups())
            if of and not _equal(share, right / of):
                yield line, f"{row[1]} is not {counted.group()}"


def _shares(claims: Claims) -> Iterator[Tuple[str, Stated]]:
    """Shares of examples that were right, from 0 to 1."""
    for name in SHARES:
        share = claims.measured.get(name)
        if share:
            scale = 100.0 if share.value > 1 else 1.0
            yield name, Stated(share.text, share.value / scale, share.low / scale, share.high / scale, share.line)


def _epochs(claims: Claims) -> Optional[float]:
    given = claims.measured.get("epoch")
    return given.value if given else claims.number("epochs")


def _steps(claims: Claims) -> Optional[_Steps]:
    rate, runtime = claims.measured.get("train_steps_per_second"), claims.measured.get("train_runtime")
    samples, epochs = claims.measured.get("train_samples"), _epochs(claims)
    batch = claims.number("total_train_batch_size")
    if not (rate and runtime and samples and batch and epochs):
        return None
    batches = samples.value / batch
    return _Steps(rate, *product(rate, runtime), round(floor(batches) * epochs), round(ceil(batches) * epochs))


def _equal(stated: Stated, value: float) -> bool:
    """Whether a printed number is a value, as it is or in percent."""
    slack = 1e-7 * abs(value) * 100
    return any(stated.within(scaled - slack, scaled + slack) for scaled in (value, value * 100, value / 100))
