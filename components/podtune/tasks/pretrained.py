"""Pretrained models from their directories, loaded strictly and in silence: safetensors only, no code of their own."""

import contextlib
import logging
import re
from pathlib import Path
from typing import Any, Callable, Iterator, NamedTuple, Sequence

from safetensors import SafetensorError

from podtune.errors import BadInput, bad_input
from podtune.formats.base_model import CONFIG, mistake_in_type
from podtune.formats.json_files import read_object

_OF_A_LAYER = re.compile(r"\.(h|\w*layers?|\w*layer_groups)\.\d+\.")
"""Heads and poolers of other tasks are left out on purpose, layers are not."""

_MISMATCHED = "ignore_mismatched_sizes"
"""The option that transformers names where weights have another shape than a model."""

_log = logging.getLogger(__name__)


class Loaded(NamedTuple):
    """A model, and whether some of its weights are new, from torch's seed."""

    model: Any
    has_new_weights: bool


def load_pretrained(
    from_pretrained: Callable[..., Any], directory: Path, kind: str, new: Sequence[str], **options: Any
) -> Loaded:
    """Load what transformers' `from_pretrained` makes of a directory, such as a question-answering model (`kind`).

    BadInput where it cannot be loaded, or lacks weights whose names contain none of the texts in `new`; those that do
    are also new where they have another shape, as the heads of other tasks.
    """
    strict = {"use_safetensors": True, "trust_remote_code": False, "local_files_only": True}
    reported = {**strict, "output_loading_info": True, **options}
    failing = bad_input(f"cannot load a {kind} model from {directory}", ValueError, RuntimeError, SafetensorError)
    with failing, quietly():
        try:
            model, report = from_pretrained(directory, **reported)
        except RuntimeError as error:
            if _MISMATCHED not in str(error):
                raise
            # They are refused below; where all fit, transformers 4 would draw every weight anew with this
            model, report = from_pretrained(directory, **reported, **{_MISMATCHED: True})
    unused = sorted(name for name in report["unexpected_keys"] if _OF_A_LAYER.search(f".{name}"))
    if unused:
        text = "%s weights in %s, such as %s, are of no layer that its config.json has; they are not used"
        _log.warning(text, len(unused), directory, unused[0])
    missing, others = set(report["missing_keys"]), {name for name, *_ in report["mismatched_keys"]}
    for names, mistake in (
        (missing, "lacks {} weights"),
        (others, "has {} weights of another shape than config.json says"),
    ):
        wrong = sorted(name for name in names if not any(part in name for part in new))
        if wrong:
            raise BadInput(f"the model in {directory} {mistake.format(len(wrong))}, such as {wrong[0]}")
    return Loaded(model, bool(missing | others))


def require_model_type(directory: Path, *allowed: str) -> str:
    """The type that a model's config.json names; BadInput unless it is one of these."""
    path = directory / CONFIG
    config = read_object(path)
    mistake = mistake_in_type(config, allowed)
    if mistake:
        raise BadInput(f"{path}: {mistake}")
    return str(config["model_type"])


@contextlib.contextmanager
def quietly() -> Iterator[None]:
    """Keep transformers from printing what it loads, in this block."""
    from transformers.utils import logging as transformers_logging

    verbosity, bars = transformers_logging.get_verbosity(), transformers_logging.is_progress_bar_enabled()
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    try:
        yield
    finally:
        transformers_logging.set_verbosity(verbosity)
        if bars:
            transformers_logging.enable_progress_bar()
