"""Which files of a published model are taken: configuration, fast tokenizer, safetensors; nothing that is code."""

import json
from pathlib import Path
from typing import Dict, Iterable, List, Optional, Set

from podtune.errors import BadInput
from podtune.formats.base_model import CONFIG, TOKENIZER, TOKENIZER_FILES
from podtune.sources.checksums import Sum
from podtune.sources.source import Source, open_source

WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"
_PICKLED = (".bin", ".pt", ".pth", ".ckpt", ".h5", ".msgpack")


def bring_model(uri: str, revision: str, directory: Path, expected: Optional[Sum]) -> None:
    """Bring what is allowed of a model into `directory`; `expected` is the sum of its model.safetensors."""
    source = open_source(uri, revision)
    present = set(source.names())
    _refuse_incomplete(source.uri, present)
    small = sorted(present & {CONFIG, *TOKENIZER_FILES})
    _bring_all(source, small, directory, {})
    if WEIGHTS in present:
        _bring_all(source, [WEIGHTS], directory, {WEIGHTS: expected})
        return
    if expected:
        raise BadInput(f"{source.uri} has its weights in several files, so model.sha256 must be left out")
    _bring_all(source, [INDEX], directory, {})
    shards = shards_of(directory / INDEX, source.uri)
    _refuse_missing(source.uri, present, shards)
    _bring_all(source, shards, directory, {})


def shards_of(index: Path, place: str) -> List[str]:
    """The weights' files that an index names, sorted."""
    try:
        names = sorted(set(json.loads(index.read_bytes())["weight_map"].values()))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadInput(f"{INDEX} of {place} is damaged: it should map each weight to its file") from error
    strange = [name for name in names if not isinstance(name, str) or "/" in name or not name.endswith(".safetensors")]
    if strange or not names:
        raise BadInput(f"{INDEX} of {place} must name .safetensors files beside it; got {strange or 'none'}")
    return names


def _bring_all(source: Source, names: Iterable[str], directory: Path, sums: Dict[str, Optional[Sum]]) -> None:
    for name in names:
        source.bring(name, directory / name, sums.get(name))


def _refuse_incomplete(place: str, present: Set[str]) -> None:
    _refuse_missing(place, present, [CONFIG])
    if TOKENIZER not in present:
        raise BadInput(f"{place} has no {TOKENIZER}; podtune needs a fast tokenizer: save it with transformers first")
    if not {WEIGHTS, INDEX} & present:
        pickled = sorted(name for name in present if name.endswith(_PICKLED))
        found = f"only {', '.join(pickled)}" if pickled else "no weights"
        raise BadInput(f"{place} has {found}; podtune reads safetensors, never pickles: convert the weights first")


def _refuse_missing(place: str, present: Set[str], names: Iterable[str]) -> None:
    missing = [name for name in names if name not in present]
    if missing:
        raise BadInput(f"{place} is no whole model: it has no {', '.join(missing)}")
