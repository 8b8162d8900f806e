"""Rules on settings and figures that mislead, or cannot be verified from the card; every public function is one."""

import re
from math import exp, prod
from typing import Dict

from podtune.cards.hub_rules import is_repository_id
from podtune.sources.uris import scheme_of

from podtune_pipelines.card_check.claims import Claims, Found

INFLUENTIAL = re.compile(
    r"weight_decay|loss_scaling|label_smoothing\w*|adam_\w+|max_(?:grad_norm|seq_length|target_length)|doc_stride|"
    r"gradient_accumulation_steps|learning_rate|warmup_\w+|schedule|seed|epochs|per_device_train_batch_size|replace_\w+"
)
"""Settings that affect the result."""

BEYOND = 8
"""Ratio of padded length to longest text from which padding is worth a remark."""

FAR = 2.0
"""Ratio between validation and training loss, either way, that needs an explanation."""

IMPLAUSIBLE = 0.3
"""Cross-entropy per token that captions reach only if padding is counted."""

_EVAL_BLOCK = re.compile(
    r"(?<!\*)\*{3,} *eval metrics \*{3,}(.*?)(?=\*\*\*|```|\n *\n|\Z)|\{([^{}]*eval_[^{}]*)\}", re.DOTALL
)


def source_does_not_show_the_name(claims: Claims) -> Found:
    """Data or a model is named as on the Hub, but comes from somewhere else."""
    for name, source, line in claims.origins:
        if "/" in name and is_repository_id(name) and scheme_of(source) not in ("hf", "sample"):
            yield line, f"{name} was read from {source}; nothing in the card shows that it is what the Hub has"


def list_omits_command(claims: Claims) -> Found:
    """The list leaves out influential settings of the command line."""
    omitted = [name for name in claims.command if INFLUENTIAL.fullmatch(name) and name not in claims.listed]
    if "learning_rate" in claims.listed and omitted:
        line = claims.listed["learning_rate"].number
        yield line, f"the list of settings leaves out what the command line sets: {', '.join(omitted)}"


def continuation_glued(claims: Claims) -> Found:
    """A line continuation has no space before its backslash."""
    for line in claims.lines:
        if re.match(r"\s*--\S.*[^\s\\]\\\s*$", line.text):
            yield line.number, f"no space before the backslash: {line.text.strip()}"


def batch_does_not_multiply_out(claims: Claims) -> Found:
    """The total batch size is not the product of its stated factors."""
    for phase in ("train", "eval"):
        name, factors = f"total_{phase}_batch_size", _factors(claims, phase)
        total, product = claims.number(name), prod(factors.values())
        if total and product and f"per_device_{phase}_batch_size" in factors and total != product:
            product_of = " × ".join(f"{factor} {value:g}" for factor, value in factors.items())
            missing = phase == "train" and "gradient_accumulation_steps" not in factors
            unsaid = "; gradient_accumulation_steps is not given" if missing else ""
            yield claims.listed[name].number, f"{name} {total:g} is {total / product:g} times {product_of}{unsaid}"


def padded_far_beyond_data(claims: Claims) -> Found:
    """Inputs are padded to many times the longest text of the data set."""
    length, data = claims.number("max_seq_length"), claims.data
    if length and data.longest_input and length >= BEYOND * data.longest_input:
        line = (claims.command.get("max_seq_length") or claims.listed["max_seq_length"]).number
        yield line, f"max_seq_length is {length:.0f}, but texts of {data.title} have about {data.longest_input} tokens"


def generation_settings_missing(claims: Claims) -> Found:
    """A text-generating model is described without its length limit and decoding method."""
    if claims.data.generated and not claims.mentions(r"max_\w*length|num_beams|beam|greedy|sampling"):
        yield claims.title.number, "the card states neither the maximum generated length nor how the model decodes"


def windows_counted_as_questions(claims: Claims) -> Found:
    """The samples are windows of contexts, while the metrics are over questions."""
    if claims.questions:
        samples = claims.measured["eval_samples"]
        counted = f"eval_samples {samples.value:,.0f} are windows"
        yield samples.line, f"{counted}; the metrics are over {claims.questions:,} questions"


def loss_on_float16_grid(claims: Claims) -> Found:
    """A loss is exactly a half-precision number: it was summed or kept with three digits."""
    for name in ("eval_loss", "train_loss"):
        loss = claims.measured.get(name)
        if loss and loss.was_float16:
            exact = f"{name} {loss.text} is exactly a float16 number"
            yield loss.line, f"{exact}: only about three of its {loss.digits} digits are significant"


def losses_far_apart(claims: Claims) -> Found:
    """Training and validation loss differ by a factor that the card does not explain."""
    train = claims.measured.get("train_loss")
    validation = claims.measured.get("eval_loss") or claims.headline.get("loss")
    if train and validation and train.value and validation.value:
        ratio = validation.value / train.value
        if not 1 / FAR < ratio < FAR and not claims.mentions(r"overfit|mean over|averaged? over"):
            why = "overfitting" if ratio > 1 else "a mean over the whole training, its start included,"
            yield train.line, f"the validation loss is {ratio:.2g} times train_loss; {why} is not discussed"


def partial_batch_dropped(claims: Claims) -> Found:
    """The speed shows that each epoch's last batch was dropped, and the command line does not say so."""
    steps, said = claims.steps, "dataloader_drop_last" in claims.command
    if steps and not said and steps.allows(steps.dropped) and not steps.allows(steps.kept):
        taken = f"the run took {steps.dropped:,} steps, not {steps.kept:,}"
        yield steps.rate.line, f"{taken}: each epoch's last batch was dropped, which the card does not say"


def training_figures_missing(claims: Claims) -> Found:
    """There are results, but no loss, time or samples of the training."""
    trained = any(name.startswith("train_") for name in claims.measured) or claims.mentions("training loss")
    if claims.evaluated and not trained:
        line = next(iter(claims.evaluated.values())).line
        yield line, "results are given without any training figures (loss, time, samples)"


def epoch_among_results(claims: Claims) -> Found:
    """The number of epochs is listed among the evaluation results."""
    for block in _EVAL_BLOCK.finditer(claims.text):
        inside = next(group for group in (1, 2) if block.group(group) is not None)
        epoch = re.search(r"\bepoch\b", block.group(inside))
        if epoch and "train_" not in block.group(inside):
            yield claims.line_at(block.start(inside) + epoch.start()), "epoch is listed among the evaluation results"


def results_not_in_a_table(claims: Claims) -> Found:
    """Results are only in program output or a list."""
    numbers = claims.headline or claims.evaluated
    if numbers and not claims.grids:
        yield min(number.line for number in numbers.values()), "the results are not in a table"


def validation_loss_rises(claims: Claims) -> Found:
    """The validation loss rises after its minimum while the training loss keeps falling."""
    for grid in [] if claims.mentions("overfit") else claims.followed:
        steps, losses, training = (grid.column(name) for name in ("step", "validation loss", "training loss"))
        best = min(range(len(losses)), key=lambda row: losses[row].value, default=0)
        if losses and training and losses[-1].value > losses[best].value and training[-1].value < training[best].value:
            rise = f"the validation loss rises from {losses[best].text} at step {steps[best].text} to {losses[-1].text}"
            fall = f"the training loss falls from {training[best].text} to {training[-1].text}"
            yield losses[best].line, f"{rise} while {fall}: overfitting is not discussed"


def last_step_not_in_the_table(claims: Claims) -> Found:
    """The table ends before the training did, so the final weights have no result."""
    epochs = claims.number("epochs")
    for grid in claims.followed if epochs else ():
        (low, high), last = grid.steps_per_epoch, grid.column("step")[-1]
        if epochs and low <= high and last.value < low * epochs - 0.5:
            total = f"{low * epochs:,.0f}" if round(low) == round(high) else f"about {low * epochs:,.0f}"
            yield last.line, f"the table ends at step {last.value:,.0f} of {total}"


def loss_implausibly_low(claims: Claims) -> Found:
    """The loss per token is lower than any language model reaches."""
    loss = claims.headline.get("loss")
    if loss and claims.data.generated and loss.value < IMPLAUSIBLE:
        perplexity = f"a loss of {loss.text} is a perplexity of {exp(loss.value):.2f}"
        yield loss.line, f"{perplexity}, which no captions reach: padding was probably counted"


def _factors(claims: Claims, phase: str) -> Dict[str, float]:
    accumulated = ("gradient_accumulation_steps",) if phase == "train" else ()
    names = (f"per_device_{phase}_batch_size", "num_devices", *accumulated, "replication_factor", "device_iterations")
    factors = {name: claims.number(name) for name in names}
    return {name: value for name, value in factors.items() if value is not None}
