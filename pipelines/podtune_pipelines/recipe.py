"""A recipe: one YAML file that says everything about an experiment, read strictly."""

import hashlib
import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, Iterable, Iterator, List, Literal, Mapping, Tuple, get_type_hints

from podtune.cards.hub_rules import is_repository_id
from podtune.errors import BadInput
from podtune.parsing import parse_yaml
from podtune.sections import Mistakes, read_parts, read_settings_file, shown
from podtune.steps.compare.settings import GateSettings
from podtune.steps.fetch_data.settings import SourceSettings
from podtune.steps.fetch_model.settings import ModelSettings
from podtune.steps.publish.settings import ReleaseSettings
from podtune.steps.write_card.settings import CardSettings
from podtune.tasks.task import TASKS, Task, all_tasks, task_named
from podtune.training.config import TrainingConfig

from podtune_pipelines.packaged import packaged_recipes
from podtune_pipelines.statements import forget_statements


@dataclass(frozen=True)
class Recipe:
    """An experiment, its sections in the order of the flow."""

    name: str
    task: str
    source: SourceSettings
    model: ModelSettings
    features: Any
    training: TrainingConfig
    evaluation: Any
    gate: GateSettings
    card: CardSettings
    release: ReleaseSettings

    @property
    def of_task(self) -> Task:
        """Its task's record."""
        return task_named(self.task)

    @property
    def slug(self) -> str:
        """Its name as part of others, on a cluster and in a home: lower-case ASCII, with a hash for other scripts."""
        name = unicodedata.normalize("NFC", self.name)
        plain = re.sub("[^0-9a-z]+", "-", name.lower()).strip("-")
        if name.isascii():
            return plain
        digest = hashlib.sha256(name.encode()).hexdigest()
        return f"{plain}-u{digest[:8]}".lstrip("-")

    @property
    def expected_rows(self) -> Dict[str, int]:
        """Split to the rows that are known to come out; empty where they are not."""
        expected: Dict[str, int] = getattr(self.features, f"expected_{self.of_task.words.rows}")
        return expected


def read_recipe(values: Mapping[str, Any]) -> Recipe:
    """Build a recipe; raise Mistakes with all that is wrong in any section, and between those that read well."""
    name = str(values.get("task"))
    task = task_named(name) if name in TASKS else all_tasks()[0]
    kinds = kinds_of(task)
    sections, lines = read_parts(kinds, values, "")
    lines += [f"{name} is missing" for name in kinds if name not in values]
    lines += [f"{key} {text}" for key, text in _conflicts(task, sections)]
    if lines:
        raise Mistakes(lines)
    return Recipe(**sections)


def kinds_of(task: Task) -> Dict[str, Any]:
    """Each key of a recipe for a task to its type, in the order of the flow; a section's is its dataclass."""
    own = {"task": Literal[tuple(TASKS)], "features": task.features, "evaluation": task.evaluation}
    return {**get_type_hints(Recipe), **own}


def _conflicts(task: Task, sections: Mapping[str, Any]) -> Iterator[Tuple[str, str]]:
    """Combinations of sections that cannot work, as (key, what is wrong); sections that do not read are left out."""
    for key, metric, known in _named_metrics(task, sections):
        if metric and metric not in known:
            yield key, f"must be one of {', '.join(known)}; got {metric!r}"
    for key, name in _linked_names(sections):
        if name and not is_repository_id(name):
            yield key, f"must be a name or owner/name, as on the Hub: the card links to it; got {name!r}"
    if {"evaluation", "source"} <= sections.keys():
        split, splits = sections["evaluation"].split, sections["source"].split_names
        if split not in splits:
            yield "evaluation.split", f"must be one of {', '.join(splits)}; got {split!r}"


def _linked_names(sections: Mapping[str, Any]) -> Iterator[Tuple[str, str]]:
    """Each key that names a data set or a model, and the name."""
    if "source" in sections:
        yield "source.dataset", sections["source"].dataset
    if "model" in sections:
        yield "model.model", sections["model"].model
        if sections["model"].decoder:
            yield "model.decoder.model", sections["model"].decoder.model


def _named_metrics(task: Task, sections: Mapping[str, Any]) -> Iterator[Tuple[str, str, Tuple[str, ...]]]:
    """Each key that names a metric, the metric, and what it may be."""
    metrics = tuple(name for name, metric in task.metrics.items() if metric.higher_is_better)
    if "gate" in sections:
        yield "gate.metric", sections["gate"].metric, metrics
    if "training" in sections:
        yield "training.best_metric", sections["training"].best_metric, metrics
    if "gate" in sections:
        yield from ((f"gate.floors.{metric}", metric, metrics) for metric in sections["gate"].floors)
    if "card" in sections and sections["card"].reference:
        for metric in sections["card"].reference.metrics:
            yield f"card.reference.metrics.{metric}", metric, (*task.metrics, *task.notes, "loss")


def load_recipe(name: str, changes: Iterable[str] = ()) -> Recipe:
    """Read a packaged recipe by name, or a file by path, with `section.key=value` changes applied.

    What the recipe states about a source that is changed is not stated any more.
    """
    known = {path.stem: path for path in packaged_recipes()}
    if name not in known and not name.endswith((".yaml", ".yml")):
        raise BadInput(f"no recipe {name!r}; there are {', '.join(known)}, or give the path of a .yaml file")
    values = read_settings_file(known.get(name) or Path(name))
    changes = list(changes)
    forget_statements(values, [change.partition("=")[0] for change in changes])
    for change in changes:
        _apply(values, change)
    return read_recipe(values)


def _apply(values: Dict[str, Any], change: str) -> None:
    """Set one value in place; whether the key exists is for the strict reading to say."""
    key, equals, text = change.partition("=")
    keys = _keys(key)
    if not equals or not all(keys):
        raise BadInput(f"--set takes section.key=value; got {change!r}")
    target = values
    for key in keys[:-1]:
        inner = target.setdefault(key, {})
        if not isinstance(inner, dict):
            raise BadInput(f"--set {change}: {key} holds a value, not settings")
        target = inner
    target[keys[-1]] = _parsed(text, change)


def _keys(key: str) -> List[str]:
    """The keys that lead to a value; those of a source's files have a point themselves."""
    for section in ("source.splits.", "source.sha256."):
        if key.startswith(section):
            return [*section[:-1].split("."), key[len(section) :]]
    return key.split(".")


def _parsed(text: str, change: str) -> Any:
    """Read a value as YAML does, but nothing as an empty text."""
    try:
        return parse_yaml(text) if text else ""
    except ValueError as error:
        raise BadInput(f"--set {shown(change)}: the value cannot be read as YAML: {error}") from error
