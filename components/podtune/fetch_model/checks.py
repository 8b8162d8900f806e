"""Whether a model's files are what they claim and fit together; nothing of it is run."""

import json
import struct
from pathlib import Path
from typing import Any, Dict

from podtune.errors import BadInput
from podtune.formats.base_model import CONFIG, TOKENIZER

_HEADER_LIMIT = 100_000_000


def check_model(directory: Path, place: str) -> str:
    """Check configuration, weights and tokenizer; return the model's type, such as bert."""
    config = _config(directory, place)
    for weights in sorted(directory.glob("*.safetensors")):
        check_safetensors(weights, f"{weights.name} of {place}")
    _check_tokenizer(directory, config, place)
    return str(config["model_type"])


def _config(directory: Path, place: str) -> Dict[str, Any]:
    config = _parsed(directory / CONFIG, place)
    if "auto_map" in config:
        raise BadInput(f"{CONFIG} of {place} has auto_map: the model brings its own code, which podtune never runs")
    if not isinstance(config.get("model_type"), str) or not config["model_type"]:
        raise BadInput(f"{CONFIG} of {place} must name a model_type, such as bert; got {config.get('model_type')!r}")
    if type(config.get("vocab_size")) is not int:
        raise BadInput(f"{CONFIG} of {place} must have a whole number vocab_size; got {config.get('vocab_size')!r}")
    return config


def check_safetensors(path: Path, place: str) -> None:
    """Refuse a file whose header is not safetensors', or whose length is not what the header says."""
    size = path.stat().st_size
    with path.open("rb") as stream:
        start = stream.read(8)
        length = struct.unpack("<Q", start)[0] if len(start) == 8 else 0
        if not 2 <= length <= min(size - 8, _HEADER_LIMIT):
            raise BadInput(f"{place} is no safetensors file: it has {size} bytes and a header of {length}")
        header = stream.read(length)
    try:
        tensors = {name: entry for name, entry in json.loads(header).items() if name != "__metadata__"}
        spans = sorted(tuple(map(int, entry["data_offsets"])) for entry in tensors.values())
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadInput(f"{place} is no safetensors file: its header is damaged") from error
    _check_spans(spans, size - 8 - length, place)


def _check_spans(spans: Any, size: int, place: str) -> None:
    """Tensors follow each other without gaps up to the end of the file."""
    end = 0
    for span in spans:
        if len(span) != 2 or span[0] != end or span[1] < span[0]:
            raise BadInput(f"{place} is damaged: its header says that a tensor lies at {list(span)}, after {end}")
        end = span[1]
    if not spans:
        raise BadInput(f"{place} holds no tensor")
    if end != size:
        raise BadInput(f"{place} is cut off or damaged: it has {size} bytes of weights; its header says {end}")


def _check_tokenizer(directory: Path, config: Dict[str, Any], place: str) -> None:
    from tokenizers import Tokenizer

    try:
        tokenizer = Tokenizer.from_file(str(directory / TOKENIZER))
    except Exception as error:  # tokenizers raises nothing more precise
        raise BadInput(f"{TOKENIZER} of {place} is damaged: {' '.join(str(error).split())}") from error
    highest = max(tokenizer.get_vocab(with_added_tokens=True).values(), default=-1)
    if highest >= config["vocab_size"]:
        raise BadInput(
            f"{TOKENIZER} of {place} does not fit the model: its ids go up to {highest},"
            f" but vocab_size in {CONFIG} is {config['vocab_size']}"
        )


def _parsed(path: Path, place: str) -> Dict[str, Any]:
    try:
        values = json.loads(path.read_bytes())
    except ValueError as error:
        raise BadInput(f"{path.name} of {place} is no JSON: {error}") from error
    if not isinstance(values, dict):
        raise BadInput(f"{path.name} of {place} must hold an object; got {type(values).__name__}")
    return values
