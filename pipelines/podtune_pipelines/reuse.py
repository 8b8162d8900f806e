"""Which results of earlier local runs can be reused.

A step's key is the hash of everything its result depends on: its own settings, the keys of the steps it
reads from, the content of local sources, podtune's code, and the versions of the libraries that compute.
It is known before anything runs, which is what lets `plan` say what will be reused.
"""

import hashlib
import json
import os
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any, Dict, Iterable, List, Mapping, Optional, Tuple

import podtune
from kfp import dsl
from kfp.local.cache import LocalCache
from podtune.errors import BadInput
from podtune.formats.sealed import MANIFEST, sha256_of, verify
from podtune.sections import to_mapping
from podtune.sources.uris import scheme_of
from podtune.steps.table import STEPS
from podtune.tasks.image_captioning.meteor import VARIABLE as METEOR

from podtune_pipelines.recipe import Recipe

TAIL = ("finetune", "evaluate", "compare", "write_card", "publish")
"""The steps that every task has after its preparation."""

PINNED = ("hf", "sample")
"""Schemes whose URIs name one content: the Hub at a revision, and samples that podtune makes."""

COMPUTING_LIBRARIES = ("numpy", "pillow", "safetensors", "tokenizers", "torch", "transformers")


def steps_of(recipe: Recipe) -> Tuple[str, ...]:
    """The steps of a recipe's pipeline, in the order of the flow."""
    return ("fetch_data", "fetch_model", recipe.of_task.preparation, *TAIL)


def reuse_keys(recipe: Recipe, device: str) -> Dict[str, str]:
    """Step to key, for every step whose inputs are pinned; a step that must run anew has none."""
    sections = to_mapping(recipe)
    data, model = _source_identity(recipe), _model_identity(recipe)
    keys: Dict[str, str] = {}
    _add(keys, "fetch_data", data, {"source": sections["source"]}, [])
    _add(keys, "fetch_model", model, {"model": sections["model"]}, [])
    preparation = recipe.of_task.preparation
    _add(keys, preparation, "", {"features": sections["features"]}, ["fetch_data", "fetch_model"])
    training = {"training": sections["training"], "device": device}
    _add(keys, "finetune", "", training, [preparation, "fetch_model"])
    meteor = os.environ.get(METEOR, "")  # without the program that it names, a metric is left out
    scoring = {"evaluation": sections["evaluation"], "device": device, "meteor": meteor}
    _add(keys, "evaluate", "", scoring, [preparation, "finetune"])
    return keys


def unpinned_steps(recipe: Recipe) -> Tuple[str, ...]:
    """The fetching steps whose result the recipe does not name: only by running do they notice that it changed.

    Said of a cluster, where nobody sees whether a file in a mounted directory changed.
    """
    splits = recipe.source.places().items()
    data = all(split in recipe.source.sha256 or scheme_of(place) in PINNED for split, (place, _) in splits)
    model = all(scheme_of(source) in PINNED for source in _model_sources(recipe))
    return tuple(step for step, pinned in (("fetch_data", data), ("fetch_model", model)) if not pinned)


@dataclass(frozen=True)
class Reuse:
    """The results of earlier runs under one directory."""

    directory: Path

    def find(self, step: str, key: str) -> Optional[Dict[str, Path]]:
        """The outputs of a step by name, whole and unchanged; None where it has to run."""
        outputs = LocalCache(str(self.directory)).get(self._entry(step, key))
        if outputs is None:
            return None
        paths = {name: Path(output.uri) for name, output in outputs.items() if isinstance(output, dsl.Artifact)}
        return paths if all(_unchanged(path) for path in paths.values()) else None

    def forget(self, step: str, key: str) -> None:
        """Let the step run anew."""
        (self.directory / f"{self._entry(step, key)}.json").unlink(missing_ok=True)

    def _entry(self, step: str, key: str) -> str:
        """KFP's name of the cache entry."""
        component = f"comp-{step.replace('_', '-')}"
        return str(LocalCache(str(self.directory)).compute_key(component, "", [], {}, custom_cache_key=key))


def reusable(recipe: Recipe, device: str, reuse: Reuse) -> Dict[str, Dict[str, Path]]:
    """Steps that will not run again, with their outputs; what is found damaged is forgotten."""
    found: Dict[str, Dict[str, Path]] = {}
    for step, key in reuse_keys(recipe, device).items():
        outputs = reuse.find(step, key)
        if outputs is None:
            reuse.forget(step, key)
        else:
            found[step] = outputs
    return found


def is_here(recipe: Recipe) -> bool:
    """Whether everything is on this machine or made on the spot, so that nothing has to be downloaded."""
    places = [*(place for place, _ in recipe.source.places().values()), *_model_sources(recipe)]
    return all(scheme_of(place) == "sample" or (not scheme_of(place) and Path(place).exists()) for place in places)


def _add(
    keys: Dict[str, str], step: str, identity: Optional[str], settings: Mapping[str, Any], after: List[str]
) -> None:
    if identity is None or any(name not in keys for name in after):
        return
    parts = [step, _code_identity(step), identity, settings, [keys[name] for name in after]]
    keys[step] = hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _unchanged(path: Path) -> bool:
    if not (path / MANIFEST).exists():
        return path.exists()
    try:
        verify(path)
    except BadInput:
        return False
    return True


def _source_identity(recipe: Recipe) -> Optional[str]:
    """What names the data's content beside the recipe; None where nothing does and it has to be fetched again."""
    source = recipe.source
    splits = source.places().items()
    parts = [_identity(Path(place) / name, place, split in source.sha256) for split, (place, name) in splits]
    return _together(parts)


def _model_identity(recipe: Recipe) -> Optional[str]:
    return _together(_identity_of_model(source) for source in _model_sources(recipe))


def _model_sources(recipe: Recipe) -> List[str]:
    return [recipe.model.source] + ([recipe.model.decoder.source] if recipe.model.decoder else [])


def _identity_of_model(source: str) -> Optional[str]:
    if scheme_of(source):
        return _identity(Path(), source, pinned=False)
    return _together(_content(path) for path in sorted(Path(source).glob("*")) if path.is_file())


def _identity(path: Path, place: str, pinned: bool) -> Optional[str]:
    """Empty where the recipe itself names the content: samples, the Hub at a revision, and what has a checksum."""
    scheme = scheme_of(place)
    if pinned or scheme in PINNED:
        return ""
    return None if scheme else _content(path)


def _content(path: Path) -> str:
    """The hash of a file's content with its name, or of all in a folder; a missing file is for fetching to report."""
    if path.is_dir():
        files = sorted(below for below in path.rglob("*") if below.is_file())
        return "\n".join(f"{below.relative_to(path).as_posix()} {_hash(below)}" for below in files)
    return f"{path.name} {_hash(path)}" if path.is_file() else path.name


def _hash(path: Path) -> str:
    found = path.stat()
    return _hash_of_unchanged(path, found.st_size, found.st_mtime_ns)


@lru_cache(maxsize=None)
def _hash_of_unchanged(path: Path, size: int, modified: int) -> str:  # noqa: ARG001  # they tell another content
    """Read a file once a command; features of many images take minutes."""
    return sha256_of(path)


def _together(parts: Iterable[Optional[str]]) -> Optional[str]:
    known = list(parts)
    return None if None in known else "\n".join(str(part) for part in known)


@lru_cache(maxsize=None)
def _code_identity(step: str) -> str:
    """The hash of the code that a step can run, other steps' folders left out, and of the libraries that compute."""
    root = Path(str(files(podtune)))
    others = {*STEPS, "ipujobs"} - {step}  # no local run uses an IPUJob
    sources = sorted(path for path in root.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    own = [path for path in sources if others.isdisjoint(path.relative_to(root).parts)]
    content = [(path.relative_to(root).as_posix(), sha256_of(path)) for path in own]
    libraries = [(name, version(name)) for name in COMPUTING_LIBRARIES]
    return hashlib.sha256(json.dumps([content, libraries]).encode()).hexdigest()
