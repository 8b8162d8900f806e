"""What the result of a step depends on beside its arguments: code, libraries, and sources on this machine."""

import hashlib
import json
from functools import lru_cache
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Iterable, List, Optional, Tuple

import podtune
from podtune.environment import METEOR_JAR
from podtune.formats.sealed import sha256_of
from podtune.sources.uris import scheme_of
from podtune.steps.table import STEPS

from podtune_pipelines.recipe import Recipe

PINNED = ("hf", "sample")
"""Schemes whose URIs name one content: the Hub at a revision, and samples that podtune makes."""

COMPUTING_LIBRARIES = ("numpy", "pillow", "safetensors", "tokenizers", "torch", "transformers")

NEVER_REUSED = ("cards", "ipujobs")
"""Rooms whose code no step uses that a local run can reuse (an import contract holds them to it)."""


def identity_of(recipe: Recipe, step: str) -> Optional[str]:
    """Hash what a step's result depends on beside its arguments; None where nothing names it and it must run anew."""
    content: Optional[str] = ""
    if step == "fetch_data":
        content = _source_content(recipe)
    elif step == "fetch_model":
        content = _joined(_model_content(source) for source in _model_sources(recipe))
    elif step == "evaluate":
        content = METEOR_JAR.value()  # without the program that it names, a metric is left out
    if content is None:
        return None
    return hashlib.sha256(json.dumps([step, _code_identity(step), content]).encode()).hexdigest()


def unpinned_steps(recipe: Recipe) -> Tuple[str, ...]:
    """The fetching steps whose result the recipe does not name: only by running do they notice that it changed.

    Said of a cluster, where nobody sees whether a file in a mounted directory changed.
    """
    splits = recipe.source.places().items()
    data = all(split in recipe.source.sha256 or scheme_of(uri) in PINNED for split, (uri, _) in splits)
    model = all(scheme_of(source) in PINNED for source in _model_sources(recipe))
    return tuple(step for step, pinned in (("fetch_data", data), ("fetch_model", model)) if not pinned)


def is_here(recipe: Recipe) -> bool:
    """Whether all sources are on this machine or made on the spot, so that nothing has to be downloaded."""
    uris = [*(uri for uri, _ in recipe.source.places().values()), *_model_sources(recipe)]
    return all(scheme_of(uri) == "sample" or (not scheme_of(uri) and Path(uri).exists()) for uri in uris)


def _source_content(recipe: Recipe) -> Optional[str]:
    source = recipe.source
    splits = source.places().items()
    return _joined(_content(uri, Path(uri) / name, split in source.sha256) for split, (uri, name) in splits)


def _model_sources(recipe: Recipe) -> List[str]:
    return [recipe.model.source] + ([recipe.model.decoder.source] if recipe.model.decoder else [])


def _model_content(source: str) -> Optional[str]:
    if scheme_of(source):
        return _content(source, Path(), pinned=False)
    return _joined(_hashed(path) for path in sorted(Path(source).glob("*")) if path.is_file())


def _content(uri: str, path: Path, pinned: bool) -> Optional[str]:
    """Empty where the recipe itself names the content: samples, the Hub at a revision, and what has a checksum."""
    if pinned or scheme_of(uri) in PINNED:
        return ""
    return None if scheme_of(uri) else _hashed(path)


def _hashed(path: Path) -> str:
    """The hash of a file's content with its name, or of all in a folder; a missing file is for fetching to report."""
    if path.is_dir():
        below = sorted(file for file in path.rglob("*") if file.is_file())
        return "\n".join(f"{file.relative_to(path).as_posix()} {_sha256(file)}" for file in below)
    return f"{path.name} {_sha256(path)}" if path.is_file() else path.name


def _sha256(path: Path) -> str:
    status = path.stat()
    return _sha256_of_unchanged(path, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=None)
def _sha256_of_unchanged(path: Path, size: int, modified: int) -> str:  # noqa: ARG001  # they mark another content
    """Read a file once a command; features of many images take minutes."""
    return sha256_of(path)


def _joined(parts: Iterable[Optional[str]]) -> Optional[str]:
    known = list(parts)
    return None if None in known else "\n".join(str(part) for part in known)


@lru_cache(maxsize=None)
def _code_identity(step: str) -> str:
    """The hash of the code that a step can run, other steps' folders left out, and of the libraries that compute."""
    root = Path(str(files(podtune)))
    others = {root / "steps" / name for name in STEPS if name != step} | {root / room for room in NEVER_REUSED}
    sources = sorted(path for path in root.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    own = [path for path in sources if others.isdisjoint(path.parents)]
    content = [(path.relative_to(root).as_posix(), sha256_of(path)) for path in own]
    libraries = [(name, version(name)) for name in COMPUTING_LIBRARIES]
    return hashlib.sha256(json.dumps([content, libraries]).encode()).hexdigest()
