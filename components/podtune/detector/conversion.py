"""The published detector's pickled weights to the model.safetensors that is read everywhere else."""

import pickle
import re
from pathlib import Path
from typing import Any, Dict

import torch
from safetensors.torch import save

from podtune.detector.detector import WEIGHTS, check_tensors, read_config
from podtune.detector.network import Network
from podtune.errors import BadInput, naming
from podtune.formats.stand_ins import refuse_stand_in
from podtune.stores.partial_file import land

_BEGINNINGS = (b"PK", b"\x80")
"""Of a torch file: a zip, and before torch 1.6 a pickle."""

_WRAPPERS = ("model", "state_dict")
"""Keys under which training programs put the weights among other things."""

_DISTRIBUTED = "module."
"""What torch's data parallelism puts before each name."""


def convert(file: Path, directory: Path) -> Path:
    """Write a torch file's weights as a detector's directory, and return the file in it.

    BadInput where it is not exactly the published network's, or the one that a config.json in the directory describes.
    """
    target = directory / WEIGHTS
    if target.exists():
        raise BadInput(f"{target} exists already; delete it, or choose another directory")
    tensors = read_pickled(file)
    with torch.device("meta"):  # names and shapes, no numbers
        wanted = Network(read_config(directory)).state_dict()
    check_tensors(tensors, wanted, file)
    directory.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.partial")
    with naming(partial):
        partial.write_bytes(save({name: tensors[name].clone().contiguous() for name in wanted}))
    land(partial, target)
    return target


def read_pickled(file: Path) -> Dict[str, torch.Tensor]:
    """Read a torch file's tensors by name; BadInput where it holds anything else, which could be code."""
    _check_beginning(file)
    try:
        content = torch.load(file, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        refused = re.search(r"GLOBAL (\S+)", str(error))
        what = f"it names {refused[1]}" if refused else "it is damaged, or holds more than tensors"
        raise BadInput(f"{file} is not opened: {what}; weights are read from pickles of tensors alone") from error
    except (RuntimeError, EOFError, ValueError, LookupError, TypeError, AttributeError) as error:
        reason = " ".join(str(error).split()).partition(". ")[0] or type(error).__name__
        raise BadInput(f"{file} is cut off, damaged or no torch file: {reason}") from error
    return _named_tensors(content, file)


def _check_beginning(file: Path) -> None:
    try:
        with file.open("rb") as stream:
            beginning = stream.read(2)
    except (FileNotFoundError, IsADirectoryError) as error:
        raise BadInput(f"{file} is no file; it should be the detector's published pytorch_model.bin") from error
    refuse_stand_in(file, file)
    if not beginning.startswith(_BEGINNINGS):
        raise BadInput(f"{file} is no torch file; it should be the detector's published pytorch_model.bin")


def _named_tensors(content: Any, file: Path) -> Dict[str, torch.Tensor]:
    for key in _WRAPPERS:
        if isinstance(content, dict) and isinstance(content.get(key), dict):
            content = content[key]
    if not isinstance(content, dict):
        raise BadInput(f"{file} holds a {type(content).__name__}; it should hold tensors by name")
    others = [str(name) for name, value in content.items() if not isinstance(value, torch.Tensor)]
    if others:
        raise BadInput(f"{file} holds {', '.join(others[:3])}, which is no tensor; it should hold tensors by name")
    names = [str(name) for name in content]
    cut = len(_DISTRIBUTED) if all(name.startswith(_DISTRIBUTED) for name in names) else 0
    return {name[cut:]: tensor for name, tensor in zip(names, content.values())}
