"""Whether a model's files are what they claim and fit together; nothing of it is run."""

import re
from pathlib import Path
from typing import Any, Dict, Set

from podtune.errors import BadInput
from podtune.formats.base_model import CONFIG, TOKENIZER, load_tokenizer, vocabulary_size
from podtune.formats.json_files import read_object

INDEX = "model.safetensors.index.json"
TOKENIZER_SETTINGS = "tokenizer_config.json"
_SHARD = re.compile(r"[\w.-]+\.safetensors")


def check_description(directory: Path, place: str) -> str:
    """Check configuration and tokenizer; return the model's type, such as bert."""
    config = read_config(directory, place)
    check_tokenizer(directory, config, place)
    return str(config["model_type"])


def read_config(directory: Path, place: str) -> Dict[str, Any]:
    """Read a configuration that names its model's type and needs no code of its own."""
    config = _parsed(directory / CONFIG, place)
    _refuse_code(config, f"{CONFIG} of {place}")
    if not isinstance(config.get("model_type"), str) or not config["model_type"]:
        raise BadInput(f"{CONFIG} of {place} must name a model_type, such as bert; got {config.get('model_type')!r}")
    return config


def check_tokenizer(directory: Path, config: Dict[str, Any], place: str) -> None:
    """Check that a tokenizer is whole, needs no code and fits the model of this configuration."""
    if (directory / TOKENIZER_SETTINGS).exists():
        _refuse_code(_parsed(directory / TOKENIZER_SETTINGS, place), f"{TOKENIZER_SETTINGS} of {place}")
    size = vocabulary_size(config)
    if size is None:
        raise BadInput(f"{CONFIG} of {place} must have a whole number vocab_size; got {config.get('vocab_size')!r}")
    highest = _highest_id(directory, place)
    if highest >= size:
        raise BadInput(
            f"{TOKENIZER} of {place} does not fit the model: its ids go up to {highest},"
            f" but vocab_size in {CONFIG} is {size}"
        )


def check_weights(directory: Path, place: str) -> None:
    """Check that every file of weights is whole, and that they hold what their index says, if there is one."""
    found = {path.name: _tensors(path, f"{path.name} of {place}") for path in sorted(directory.glob("*.safetensors"))}
    if not (directory / INDEX).exists():
        return
    for tensor, file in weight_map(directory / INDEX, place).items():
        if tensor not in found[file]:
            raise BadInput(f"{file} of {place} has no {tensor}, which {INDEX} says it has")


def weight_map(index: Path, place: str) -> Dict[str, str]:
    """Tensor to the file beside the index that holds it."""
    found = _parsed(index, place).get("weight_map")
    files = found.values() if isinstance(found, dict) else []
    if not files or any(not isinstance(file, str) or not _SHARD.fullmatch(file) for file in files):
        raise BadInput(f"{INDEX} of {place} must map each tensor to a .safetensors file beside it")
    return dict(found or {})


def _refuse_code(values: Dict[str, Any], place: str) -> None:
    for key in ("auto_map", "custom_pipelines"):
        if key in values:
            raise BadInput(f"{place} has {key}: it needs code of its own, which podtune never runs")


def _tensors(path: Path, place: str) -> Set[str]:
    """The names of a file's tensors; BadInput unless header, offsets and length are as safetensors has them."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(path), framework="numpy") as opened:
            names = set(opened.keys())
    except SafetensorError as error:
        reason = str(error).rpartition("header: ")[2]
        raise BadInput(f"{place} is cut off, damaged or no safetensors file: {reason}") from error
    if not names:
        raise BadInput(f"{place} holds no weights")
    return names


def _highest_id(directory: Path, place: str) -> int:
    tokenizer = load_tokenizer(directory / TOKENIZER, f"{TOKENIZER} of {place}")
    return max(tokenizer.get_vocab(with_added_tokens=True).values(), default=-1)


def _parsed(path: Path, place: str) -> Dict[str, Any]:
    return read_object(path, f"{path.name} of {place}")
