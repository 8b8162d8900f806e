"""A recipe: one YAML file that says everything about an experiment, read strictly."""

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, Dict, Iterable, Iterator, List, Literal, Tuple

import yaml
from podtune.compare.settings import GateSettings
from podtune.errors import BadInput
from podtune.tasks.question_answering.settings import EvaluationSettings
from podtune.fetch_data.settings import SourceSettings
from podtune.fetch_model.settings import ModelSettings
from podtune.publish.settings import ReleaseSettings
from podtune.sections import read_section, read_settings_file
from podtune.tokenize_squad.settings import WindowSettings
from podtune.training.config import TrainingConfig
from podtune.write_card.hub_rules import is_repository_id
from podtune.write_card.settings import CardSettings

METRICS = {"question-answering": ("exact_match", "f1")}


@dataclass(frozen=True)
class Recipe:
    """An experiment, its sections in the order of the flow."""

    name: str
    task: Literal["question-answering"]
    source: SourceSettings
    model: ModelSettings
    features: WindowSettings
    training: TrainingConfig
    evaluation: EvaluationSettings
    gate: GateSettings
    card: CardSettings
    release: ReleaseSettings

    def mistakes(self) -> Iterator[Tuple[str, str]]:
        """Combinations of sections that cannot work, as (key, what is wrong)."""
        known = METRICS[self.task]
        named = [("gate.metric", self.gate.metric), ("training.best_metric", self.training.best_metric)]
        named += [(f"gate.floors.{metric}", metric) for metric in self.gate.floors]
        for key, metric in named:
            if metric and metric not in known:
                yield key, f"must be one of {', '.join(known)}; got {metric!r}"
        for key, name in (("source.dataset", self.source.dataset), ("model.model", self.model.model)):
            if not is_repository_id(name):
                yield key, f"must be a name or owner/name, as on the Hub: the card links to it; got {name!r}"
        for metric in self.card.reference.metrics if self.card.reference else ():
            if metric not in (*known, "loss"):
                yield f"card.reference.metrics.{metric}", f"must be one of {', '.join(known)}, loss; got {metric!r}"
        if self.evaluation.split not in self.source.splits:
            yield "evaluation.split", f"must be one of source.splits; got {self.evaluation.split!r}"


def load_recipe(name: str, changes: Iterable[str] = ()) -> Recipe:
    """Read a packaged recipe by name, or a file by path, with `section.key=value` changes applied."""
    values = read_settings_file(_recipe_file(name))
    for change in changes:
        _apply(values, change)
    return read_section(Recipe, values, "")


def packaged_recipes() -> List[Path]:
    """The recipes that come with podtune, by name."""
    folder = Path(str(files("podtune_pipelines") / "recipes"))
    return sorted(folder.glob("*.yaml"))


def recipe_header(path: Path) -> str:
    """The comment a recipe starts with: what it reproduces, the command, what to expect."""
    lines = path.read_text(encoding="utf-8").splitlines()
    header = [line for line in lines[: lines.index("")] if line.startswith("#")] if "" in lines else []
    return "\n".join(line.lstrip("# ") for line in header)


def _recipe_file(name: str) -> Path:
    known = {path.stem: path for path in packaged_recipes()}
    if name in known:
        return known[name]
    if name.endswith((".yaml", ".yml")):
        return Path(name)
    raise BadInput(f"no recipe {name!r}; there are {', '.join(known)}, or give the path of a .yaml file")


def _apply(values: Dict[str, Any], change: str) -> None:
    """Set one value in place; whether the key exists is for the strict reading to say."""
    place, equals, text = change.partition("=")
    keys = place.split(".")
    if not equals or not all(keys):
        raise BadInput(f"--set takes section.key=value; got {change!r}")
    target = values
    for key in keys[:-1]:
        inner = target.setdefault(key, {})
        if not isinstance(inner, dict):
            raise BadInput(f"--set {change}: {key} holds a value, not settings")
        target = inner
    target[keys[-1]] = _parsed(text, change)


def _parsed(text: str, change: str) -> Any:
    """Read a value as YAML does, but numbers such as 5e-5 as numbers and nothing as an empty text."""
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise BadInput(f"--set {change}: the value is not YAML") from error
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return value
    return "" if text == "" else value
