"""Rules on pairs of statements that cannot both be right; every public function is one."""

import re
from math import ceil, floor, inf
from typing import Iterator, Tuple

from podtune.sources.uris import hub_name

from podtune_pipelines.card_check.claims import Claims, Found, Line
from podtune_pipelines.card_check.known import data_mentioned, families_in, family_described
from podtune_pipelines.card_check.printed_numbers import Stated, as_number, read_number


def results_empty(claims: Claims) -> Found:
    """The model-index has no results, but the text has some."""
    named = {*claims.headline, *(name[len("eval_") :] for name in claims.evaluated if name != "eval_samples")}
    if named and any(model.get("results") == [] for model in claims.models):
        line = claims.line_of(r"results: *\[\]")
        yield line, f"model-index has no results, but the text gives {', '.join(sorted(named))}"


def source_has_another_name(claims: Claims) -> Found:
    """Data or a model has another name than the repository on the Hub that it comes from."""
    for name, source, line in claims.origins:
        if hub_name(source) not in ("", name):
            yield line, f"{name} is said to come from {source}, which is {hub_name(source)}"


def command_contradicts_list(claims: Claims) -> Found:
    """The command line gives a setting one value, the list another."""
    for name, flag in claims.command.items():
        listed = claims.listed.get(name)
        if listed and flag.text and not _same(flag, listed):
            yield flag.number, f"{name} is {flag.text} in the command line, but {listed.text} in the list"


def output_directory_names_other_data(claims: Claims) -> Found:
    """The output directory is named after a different data set."""
    directory, data = claims.command.get("output_dir", Line("", 1)), claims.data
    mentioned = data_mentioned(directory.text)
    if data.title and mentioned and mentioned != data:
        yield directory.number, f"output_dir {directory.text} names {mentioned.title}, but the data is {data.title}"


def denominator_is_not_eval_samples(claims: Claims) -> Found:
    """A share is not a whole number of the samples, but of the full batches: the last batch was dropped."""
    samples, batch, data = claims.measured.get("eval_samples"), claims.number("total_eval_batch_size"), claims.data
    if not samples or not batch or samples.value in data.windows:
        return
    stated, full = int(samples.value), int(samples.value // batch * batch)
    for name, share in _shares(claims):
        parts = data.parts if name == "eval_accuracy" else 1
        count = share.count_of(full, parts) if full != stated and share.excludes(stated, parts) else None
        if count is not None:
            counted = f"but is {count / parts:,.10g} of {full:,}, the full batches of {batch:g}"
            sure = " (in float32: likely, not proven)" if share.was_float32 else ""
            yield share.line, f"{name} {share.text} is no whole number of {stated:,} eval_samples, {counted}{sure}"


def impossible_share(claims: Claims) -> Found:
    """A share is not a whole number of the known number of questions."""
    for name, share in _shares(claims):
        if claims.questions and share.excludes(claims.questions):
            yield share.line, f"{name} {share.text} is not a whole number of the {claims.questions:,} questions"


def samples_are_no_known_split(claims: Claims) -> Found:
    """The number of samples is close to that of a published split: some were left out."""
    data = claims.data
    for name in ("train_samples", "eval_samples"):
        number = claims.measured.get(name)
        if number and number.value not in data.sizes and number.value not in data.windows:
            near = [size for size in data.sizes if abs(size - number.value) <= 0.01 * size]
            for size in near[:1]:
                yield number.line, f"{name} is {number.value:,.0f}, but {data.title} has {size:,} {data.sizes[size]}"


def speed_contradicts_samples(claims: Claims) -> Found:
    """Samples per second times seconds are not the samples times the epochs."""
    rate, runtime = claims.measured.get("train_samples_per_second"), claims.measured.get("train_runtime")
    samples, seen = claims.measured.get("train_samples"), claims.measured.get("train_seen")
    total = seen.value if seen else samples.value * claims.epochs if samples and claims.epochs else None
    if rate and runtime and total:
        low, high = rate.times(runtime)
        if not low <= total <= high:
            speed = f"{rate.text} samples per second for {runtime.value:g} seconds"
            yield rate.line, f"{speed} are {rate.value * runtime.value:,.0f}, not {total:,.0f}"


def speed_contradicts_steps(claims: Claims) -> Found:
    """Steps per second times seconds fit no way to divide the samples into batches."""
    steps = claims.steps
    if steps and not steps.allows(steps.dropped) and not steps.allows(steps.kept):
        speed = f"{steps.rate.text} steps per second amount to {steps.low:,.1f} to {steps.high:,.1f} steps"
        yield steps.rate.line, f"{speed}; samples, batch and epochs give {steps.dropped:,} or {steps.kept:,}"


def results_differ(claims: Claims) -> Found:
    """A metric has different values in the text and in the model-index."""
    metrics = claims.indexed("metrics")
    kinds = [str(metric["type"]) for metric in metrics]
    for kind, value in ((kind, metric.get("value")) for kind, metric in zip(kinds, metrics)):
        printed = (claims.headline.get(kind), claims.measured.get(f"eval_{kind}"))
        if kinds.count(kind) > 1 or not isinstance(value, (int, float)):
            continue
        for stated in [number for number in printed if number and not number.equals(value)][:1]:
            yield stated.line, f"{kind} is {stated.text} here, but {value} in the model-index"


def count_contradicts_share(claims: Claims) -> Found:
    """A metric's row says "K of N" beside a percentage that is not K / N."""
    for row, line in (row for grid in claims.grids if grid.header[:1] == ("metric",) for row in grid):
        counted = next(filter(None, (re.fullmatch(r"([\d,]+) of ([\d,]+)", cell) for cell in row)), None)
        share = read_number(row[1], line) if counted else None
        if counted and share:
            right, of = (float(group.replace(",", "") or 0) for group in counted.groups())
            if of and not share.equals(right / of):
                yield line, f"{row[1]} is not {counted.group()}"


def epochs_contradict_steps(claims: Claims) -> Found:
    """The columns of epochs and steps allow no number of steps per epoch."""
    for grid in claims.followed:
        low, high = grid.steps_per_epoch
        if low > high:
            yield grid.lines[0], "no number of steps per epoch fits the columns of epochs and steps"


def headline_is_not_the_last_row(claims: Claims) -> Found:
    """The stated result is an earlier row's, and the card does not say that the best checkpoint was kept."""
    loss = claims.headline.get("loss")
    if not loss or claims.mentions(r"best (?:checkpoint|model|weights)|load_best_model|early stopping"):
        return
    for grid in claims.followed:
        rows = list(zip(grid.column("step"), grid.column("validation loss")))
        best = next((step for step, row in rows if row.value == loss.value), None)
        if best and rows[-1][1].value != loss.value:
            last = f"the last row (step {rows[-1][0].text}) has {rows[-1][1].text}"
            stated = f"the loss {loss.text} is that of step {best.text}"
            yield loss.line, f"{stated}; {last}, and no best checkpoint is mentioned"


def data_used_in_part(claims: Claims) -> Found:
    """The steps per epoch show that only a part of each example's texts was trained on."""
    batch, data = claims.number("total_train_batch_size"), claims.data
    for grid in claims.followed if batch and data.subset else ():
        low, high = grid.steps_per_epoch
        if not batch or not data.subset or not low <= high < inf:
            continue
        part, unit, total, total_unit = data.subset
        least, most = (floor(low) - 1) * batch, ceil(high) * batch
        if least < part <= most and not least < total <= most:
            steps = f"{low:,.0f}" if round(low) == round(high) else f"{low:,.0f} to {high:,.0f}"
            trained = f"{steps} steps per epoch with batch {batch:g} cover {part:,} {unit} once"
            yield grid.lines[0], f"{trained}; {data.title} has {total:,} {total_unit}, which the card does not say"


def another_model_described(claims: Claims) -> Found:
    """The first description is of a different model family than the base model's."""
    described = ((line.number, family_described(line.text.strip())) for line in claims.prose)
    line, family = next((match for match in described if match[1]), (1, None))
    if family and claims.base_families and family not in claims.base_families:
        yield line, f"the text describes {family}, but the base model is {', '.join(sorted(claims.base_families))}"


def base_model_incomplete(claims: Claims) -> Found:
    """The title names a model family that no base model belongs to."""
    bases = {family for name in claims.base_names for family in families_in(name)}
    missing = ", ".join(sorted(families_in(claims.title.text.rpartition("/")[2]) - bases))
    if bases and missing:
        named = ", ".join(sorted(bases))
        yield claims.title.number, f"the title names {missing}, but the base model given is {named} only"


def _same(flag: Line, listed: Line) -> bool:
    first, second = as_number(flag.text), as_number(listed.text)
    if first is not None and second is not None:
        return first == second
    return flag.text.strip("\"'").lower() == listed.text.lower()


def _shares(claims: Claims) -> Iterator[Tuple[str, Stated]]:
    """Shares of examples that were right, from 0 to 1."""
    for name in ("eval_accuracy", "eval_exact_match"):
        share = claims.measured.get(name)
        if share:
            yield name, share.over(100.0 if share.value > 1 else 1.0)
