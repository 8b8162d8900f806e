"""Which files of a published model are taken: configuration, fast tokenizer, safetensors; nothing that is code."""

from pathlib import Path
from typing import Iterable, Mapping, Optional, Set

from podtune.errors import BadInput
from podtune.formats.base_model import CONFIG, TOKENIZER
from podtune.sources.checksums import Sum
from podtune.sources.source import Source
from podtune.steps.fetch_model.checks import INDEX, weight_map

WEIGHTS = "model.safetensors"
_PICKLED = (".bin", ".pt", ".pth", ".ckpt", ".h5", ".msgpack")


def bring_description(source: Source, targets: Mapping[str, Path]) -> None:
    """Bring those of the files that the source has, if it has a whole model; `targets` has the place of each."""
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
        source.bring(name, targets[name], None)


def bring_weights(source: Source, directory: Path, expected: Optional[Sum]) -> None:
    """Bring model.safetensors, which may have an expected sum, or the files that an index names."""
    present = set(source.names())
    if WEIGHTS in present:
        source.bring(WEIGHTS, directory / WEIGHTS, expected)
        return
    if expected:
        raise BadInput(f"{source.uri} has its weights in several files, so {expected.said_by} must be left out")
    source.bring(INDEX, directory / INDEX, None)
    shards = sorted(set(weight_map(directory / INDEX, source.uri).values()))
    _refuse_missing(source, present, shards)
    for name in shards:
        source.bring(name, directory / name, None)


def _refuse_missing(source: Source, present: Set[str], names: Iterable[str]) -> None:
    missing = [name for name in names if name not in present]
    if missing:
        raise BadInput(f"{source.uri} is no whole model: it has no {', '.join(missing)}")
