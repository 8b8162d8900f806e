"""What the result of a step depends on beside its arguments: code, libraries, and sources on this machine."""

import contextlib
import hashlib
import json
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Dict, List, Optional, Tuple

import podtune
from podtune.environment import METEOR_JAR
from podtune.errors import BadInput
from podtune.formats.sums import known_sums
from podtune.sources.finding import find_files
from podtune.sources.source import open_source
from podtune.sources.uris import FileLocation, scheme_of
from podtune.steps.table import STEPS

from podtune_pipelines.recipe import Recipe

PINNED = ("hf", "sample")
"""Schemes whose URIs name one content: the Hub at a revision, and samples that podtune makes."""

COMPUTING_LIBRARIES = ("numpy", "pillow", "safetensors", "tokenizers", "torch", "transformers")

NEVER_REUSED = ("cards", "jobs")
"""Folders of code that no step with a reusable result imports (an import contract holds it to that)."""


@dataclass(frozen=True)
class _Source:
    """Something that a fetching step reads."""

    uri: str
    pinned: bool
    """Whether the recipe names its content: samples, the Hub at a revision, and what has a checksum."""

    paths: List[Path]
    """Its files, if it is on this machine."""


def identity_of(recipe: Recipe, step: str) -> Optional[str]:
    """Hash what a step's result depends on beside its arguments; None where nothing names it and it must run anew."""
    unpinned = [source for source in _sources(recipe).get(step, []) if not source.pinned]
    if any(scheme_of(source.uri) for source in unpinned):
        return None
    content = [_hashed(source) for source in unpinned]
    meteor = METEOR_JAR.value() if step == "evaluate" else ""  # without the program that it names, a metric is left out
    return hashlib.sha256(json.dumps([step, _code_identity(step), content, meteor]).encode()).hexdigest()


def unpinned_steps(recipe: Recipe) -> Tuple[str, ...]:
    """The fetching steps whose content the recipe does not pin, so that only running them shows whether it changed.

    For clusters, where a file in a mounted directory may change unnoticed.
    """
    return tuple(step for step, sources in _sources(recipe).items() if not all(source.pinned for source in sources))


def is_local(recipe: Recipe) -> bool:
    """Whether all sources are files on this machine or samples, so that nothing has to be downloaded."""
    uris = [source.uri for sources in _sources(recipe).values() for source in sources]
    return all(scheme_of(uri) == "sample" or (not scheme_of(uri) and Path(uri).exists()) for uri in uris)


def _sources(recipe: Recipe) -> Dict[str, List[_Source]]:
    """Fetching step to what it reads; of a model in a directory, the files that lie in it directly."""
    data = [
        _Source(at.source, split in recipe.source.sha256 or scheme_of(at.source) in PINNED, _local_files(at))
        for split, locations in recipe.source.locations().items()
        for at in locations
    ]
    models = [recipe.model.source] + ([recipe.model.decoder.source] if recipe.model.decoder else [])
    files = {uri: [] if scheme_of(uri) else list(filter(Path.is_file, sorted(Path(uri).glob("*")))) for uri in models}
    return {"fetch_data": data, "fetch_model": [_Source(uri, scheme_of(uri) in PINNED, files[uri]) for uri in models]}


def _local_files(at: FileLocation) -> List[Path]:
    """The files on this machine that a name means; those that are not there are for fetching to report."""
    if scheme_of(at.source) or not Path(at.source).is_dir():
        return []
    with contextlib.suppress(BadInput):
        found = find_files(open_source(at.source), at.name, described=False)
        return [file for file in (Path(at.source) / name for name in found.files) if file.is_file()]
    return []


def _hashed(source: _Source) -> List[Tuple[str, str]]:
    """Name and hash of each of its files."""
    names = [str(file.relative_to(source.uri)) for file in source.paths]
    return list(zip(names, known_sums(source.paths)))


def _code_identity(step: str) -> str:
    """The hash of the code that a step can run, other steps' folders left out, and of the libraries that compute."""
    others = (*(f"steps/{name}/" for name in STEPS if name != step), *(f"{room}/" for room in NEVER_REUSED))
    content = [(name, digest) for name, digest in _code().items() if not name.startswith(others)]
    libraries = [(name, version(name)) for name in COMPUTING_LIBRARIES]
    return hashlib.sha256(json.dumps([content, libraries]).encode()).hexdigest()


@lru_cache(maxsize=None)
def _code() -> Dict[str, str]:
    """Each file of what steps run, by its place in the package, to its hash."""
    root = Path(podtune.__file__).parent
    files = sorted(path for path in root.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return dict(zip((path.relative_to(root).as_posix() for path in files), known_sums(files)))
