"""Rules on the command line and the list of settings."""

import re
from typing import Dict, Iterator, List, Tuple

from podtune_pipelines.card_check.claims import Claims, Setting
from podtune_pipelines.card_check.known import data_mentioned
from podtune_pipelines.card_check.printed_numbers import as_number

Found = Iterator[Tuple[int, str]]

INFLUENTIAL = re.compile(
    r"weight_decay|loss_scaling|label_smoothing\w*|adam_\w+|max_(?:grad_norm|seq_length|target_length)|doc_stride|"
    r"gradient_accumulation_steps|learning_rate|warmup_\w+|schedule|seed|epochs|per_device_train_batch_size|replace_\w+"
)
"""Settings that change what is learnt."""

BEYOND = 8
"""A padded length so many times the longest text is waste worth a remark."""


def command_contradicts_list(claims: Claims) -> Found:
    """The command line gives a setting one value, the list another."""
    for name, given in claims.command.items():
        listed = claims.listed.get(name)
        if listed and given.value and not _same(given, listed):
            yield given.line, f"{name} is {given.value} in the command line, but {listed.value} in the list"


def list_omits_command(claims: Claims) -> Found:
    """The list leaves out settings of the command line that change what is learnt."""
    omitted = [name for name in claims.command if INFLUENTIAL.fullmatch(name) and name not in claims.listed]
    if "learning_rate" in claims.listed and omitted:
        line = claims.listed["learning_rate"].line
        yield line, f"the list of settings leaves out what the command line sets: {', '.join(omitted)}"


def continuation_glued(claims: Claims) -> Found:
    """A backslash that continues the command stands at a value without a space."""
    for line in claims.lines:
        if re.match(r"\s*--\S.*[^\s\\]\\\s*$", line.text):
            yield line.number, f"no space before the backslash: {line.text.strip()}"


def output_directory_names_other_data(claims: Claims) -> Found:
    """The output directory is called after another data set than the one trained on."""
    directory, data = claims.command.get("output_dir"), claims.data
    mentioned = data_mentioned(directory.value) if directory else None
    if directory and data and mentioned and mentioned != data:
        yield directory.line, f"output_dir {directory.value} names {mentioned.title}, but the data is {data.title}"


def batch_does_not_multiply_out(claims: Claims) -> Found:
    """The total batch is not the product of what the card gives."""
    for phase in ("train", "eval"):
        factors = _factors(claims, phase)
        total, part = claims.number(f"total_{phase}_batch_size"), factors.get(f"per_device_{phase}_batch_size")
        product = 1.0
        for factor in factors.values():
            product *= factor
        if total and part and product and total != product:
            yield claims.listed[f"total_{phase}_batch_size"].line, _unexplained(phase, total, product, factors)


def padded_far_beyond_data(claims: Claims) -> Found:
    """Inputs are padded to many times the longest text of the data set."""
    length, data = claims.number("max_seq_length"), claims.data
    if length and data and data.longest_input and length >= BEYOND * data.longest_input:
        line = (claims.command.get("max_seq_length") or claims.listed["max_seq_length"]).line
        yield line, f"max_seq_length is {length:.0f}, but texts of {data.title} have about {data.longest_input} tokens"


def generation_settings_missing(claims: Claims) -> Found:
    """A model that writes text is described without how long, or how, it decodes."""
    data = claims.data
    if data and data.generated and not re.search(r"max_\w*length|num_beams|beam|greedy|sampling", claims.text, re.I):
        yield claims.title.line, "neither the longest text that the model writes nor how it decodes is said"


def _same(given: Setting, listed: Setting) -> bool:
    first, second = as_number(given.value), as_number(listed.value)
    if first is not None and second is not None:
        return first == second
    return given.value.strip("\"'").lower() == listed.value.lower()


def _factors(claims: Claims, phase: str) -> Dict[str, float]:
    names: List[str] = [f"per_device_{phase}_batch_size", "num_devices"]
    names += ["gradient_accumulation_steps"] if phase == "train" else []
    names += ["replication_factor", "device_iterations"]
    found = {name: claims.number(name) for name in names}
    return {name: value for name, value in found.items() if value is not None}


def _unexplained(phase: str, total: float, product: float, factors: Dict[str, float]) -> str:
    given = " × ".join(f"{name} {value:g}" for name, value in factors.items())
    accumulation = "gradient_accumulation_steps"
    missing = f"; {accumulation} is not given" if phase == "train" and accumulation not in factors else ""
    return f"total_{phase}_batch_size {total:g} is {total / product:g} times {given}{missing}"
