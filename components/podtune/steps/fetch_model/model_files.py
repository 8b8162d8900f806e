"""A published model's files: configuration, fast tokenizer and safetensors are taken and checked; none of it runs."""

import re
import sys
from pathlib import Path
from typing import Any, Dict, Iterable, List, Mapping, Optional, Set, Tuple

from podtune.errors import BadInput
from podtune.formats.base_model import CONFIG, TOKENIZER, load_tokenizer, vocabulary_size
from podtune.formats.json_files import read_object
from podtune.formats.stand_ins import refuse_stand_in
from podtune.sections import shown
from podtune.sources.checksums import Sum
from podtune.sources.source import Source
from podtune.sources.uris import scheme_of

WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"
TOKENIZER_SETTINGS = "tokenizer_config.json"
_PICKLED = (".bin", ".pt", ".pth", ".ckpt", ".h5", ".msgpack")
_LAYERS = ("num_hidden_layers", "n_layer", "n_layers", "num_layers", "l_layers", "x_layers", "r_layers")
_MOST = {**dict.fromkeys(_LAYERS, 1_000), "num_labels": 100_000}
"""Key of a configuration that says how many parts are made, one after the other, to the most that any model has."""

_SHARD = re.compile(r"[\w.-]+\.safetensors")


def bring_description(source: Source, targets: Mapping[str, Path]) -> None:
    """Bring those of the files that the source has, if it has a complete model; `targets` has the path of each."""
    present = set(source.names())
    _refuse_missing(source, present, [CONFIG])
    if TOKENIZER in targets and TOKENIZER not in present:
        raise BadInput(f"{source.uri} has no {TOKENIZER}; podtune needs a fast tokenizer: have transformers save one")
    if not {WEIGHTS, INDEX} & present:
        pickled = sorted(name for name in present if name.endswith(_PICKLED))
        found = f"its weights in {', '.join(pickled)} only" if pickled else "no weights"
        raise BadInput(f"{source.uri} has {found}; podtune reads model.safetensors, never pickles: convert it first")
    for name in sorted(present & targets.keys()):
        targets[name].parent.mkdir(exist_ok=True)
        _bring(source, name, targets[name])


def bring_weights(source: Source, directory: Path, expected: Optional[Sum]) -> None:
    """Bring model.safetensors, which may have an expected sum, or the files that an index names."""
    present = set(source.names())
    if WEIGHTS in present:
        _bring(source, WEIGHTS, directory / WEIGHTS, expected)
        return
    if expected:
        raise BadInput(f"{source.uri} has its weights in several files, so {expected.said_by} must be left out")
    _bring(source, INDEX, directory / INDEX)
    shards = sorted(set(weight_map(directory / INDEX, source.uri).values()))
    _refuse_missing(source, present, shards)
    for name in shards:
        _bring(source, name, directory / name)


def _refuse_missing(source: Source, present: Set[str], names: Iterable[str]) -> None:
    missing = [name for name in names if name not in present]
    if missing:
        raise BadInput(f"{source.uri} is no complete model: it has no {', '.join(missing)}")


def _bring(source: Source, name: str, target: Path, expected: Optional[Sum] = None) -> None:
    """Bring a file, unless it is a link to one outside its directory, which a release would show to everybody.

    The Hub's own cache, where snapshots/REVISION/ has links into blobs/, is one tree.
    """
    if not scheme_of(source.uri):
        directory = Path(source.uri).resolve()
        root = directory.parent.parent if directory.parent.name == "snapshots" else directory
        if root not in (directory / name).resolve().parents:
            raise BadInput(f"{Path(source.uri) / name} is a link out of the model; put the file itself there")
    source.bring(name, target, expected)
    refuse_stand_in(target, f"{name} of {source.uri}")


def check_description(directory: Path, origin: str) -> str:
    """Check configuration and tokenizer; return the model's type, such as bert."""
    config = read_config(directory, origin)
    check_tokenizer(directory, config, origin)
    return str(config["model_type"])


def read_config(directory: Path, origin: str) -> Dict[str, Any]:
    """Read a configuration that names its model's type and needs no code of its own."""
    config = read_object(directory / CONFIG, f"{CONFIG} of {origin}")
    _refuse_code(config, f"{CONFIG} of {origin}")
    _refuse_endless(config, f"{CONFIG} of {origin}")
    if not isinstance(config.get("model_type"), str) or not config["model_type"]:
        raise BadInput(
            f"{CONFIG} of {origin} must name a model_type, such as bert; got {shown(config.get('model_type'))}"
        )
    return config


def check_tokenizer(directory: Path, config: Dict[str, Any], origin: str) -> None:
    """Check that a tokenizer is complete, needs no code and fits the model of this configuration."""
    if (directory / TOKENIZER_SETTINGS).exists():
        file = f"{TOKENIZER_SETTINGS} of {origin}"
        _refuse_code(read_object(directory / TOKENIZER_SETTINGS, file), file)
    size = vocabulary_size(config)
    if size is None:
        given = shown(config.get("vocab_size"))
        raise BadInput(f"{CONFIG} of {origin} must have a whole number vocab_size; got {given}")
    tokenizer = load_tokenizer(directory / TOKENIZER, f"{TOKENIZER} of {origin}")
    highest = max(tokenizer.get_vocab(with_added_tokens=True).values(), default=-1)
    if highest >= size:
        raise BadInput(
            f"{TOKENIZER} of {origin} does not fit the model: its ids go up to {highest},"
            f" but vocab_size in {CONFIG} is {size}"
        )


def check_weights(directory: Path, origin: str) -> None:
    """Check that every file of weights is complete, and that they hold what their index says, if there is one."""
    found = {path.name: _tensors(path, f"{path.name} of {origin}") for path in sorted(directory.glob("*.safetensors"))}
    if not (directory / INDEX).exists():
        return
    for tensor, file in weight_map(directory / INDEX, origin).items():
        if tensor not in found[file]:
            raise BadInput(f"{file} of {origin} has no {tensor}, which {INDEX} says it has")


def weight_map(index: Path, origin: str) -> Dict[str, str]:
    """Map each tensor to the file that holds it."""
    found = read_object(index, f"{index.name} of {origin}").get("weight_map")
    files = found.values() if isinstance(found, dict) else []
    if not files or any(not isinstance(file, str) or not _SHARD.fullmatch(file) for file in files):
        raise BadInput(f"{INDEX} of {origin} must map each tensor to a .safetensors file beside it")
    return dict(found or {})


def _refuse_code(values: Dict[str, Any], origin: str) -> None:
    for key in ("auto_map", "custom_pipelines"):
        if key in values:
            raise BadInput(f"{origin} has {key}: it needs code of its own, which podtune never runs")


def _refuse_endless(config: Mapping[str, Any], origin: str) -> None:
    """Refuse to make parts of a model until memory ends, also those of a model inside."""
    waiting: List[Tuple[str, Any]] = list(config.items())
    while waiting:
        key, value = waiting.pop()
        if isinstance(value, dict):  # LXMERT's layers are those of its three parts
            waiting += [(key if key in _MOST else inner, each) for inner, each in value.items()]
        elif type(value) in (int, float) and not abs(value) <= _MOST.get(key, sys.maxsize):
            raise BadInput(f"{origin} must have at most {_MOST.get(key, sys.maxsize):,} for {key}; got {shown(value)}")


def _tensors(path: Path, origin: str) -> Set[str]:
    """Return the names of a file's tensors; BadInput unless it is valid safetensors."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(path), framework="numpy") as opened:
            names = set(opened.keys())
    except SafetensorError as error:
        reason = str(error).rpartition("header: ")[2]
        raise BadInput(f"{origin} is cut off, damaged or no safetensors file: {reason}") from error
    if not names:
        raise BadInput(f"{origin} holds no weights")
    return names
