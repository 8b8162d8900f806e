"""Evaluation on disk: what a model scores, in all and question by question.

`predictions.json` is in the task's official format. `examples.jsonl` has one JSON object per scored
example, in the data's order: {"id", "prediction", "scores": {metric: value}, "slices": {name: value}, …}, and
"group", a number that is equal where examples share what `grouped_by` says, if it says anything. `usage.json` is the
example that the card's code is shown with, {"row", "values"}, and `usage/` has the files beside it.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, Iterable, Iterator, List, Mapping, Sequence, Tuple

from podtune.errors import BadInput
from podtune.formats.artifact import Artifact, Format
from podtune.formats.json_files import read_object
from podtune.formats.json_lines import read_json_lines, write_json_lines
from podtune.formats.profile import SplitProfile
from podtune.formats.sealed import OfTheRun

PREDICTIONS = "predictions.json"
EXAMPLES = "examples.jsonl"
USAGE, USAGE_FILES = "usage.json", "usage"
_NO_EXAMPLE = "is no scored example; evaluate the model again"


@dataclass(frozen=True)
class Metric:
    """One number with its uncertainty."""

    value: float
    low: float
    """Lower end of the 95 % interval (tasks/intervals.py)."""

    high: float
    """Upper end of the 95 % interval."""


@dataclass(frozen=True)
class Slice:
    """Metrics on a subset of the examples."""

    name: str
    """The attribute, such as question_word."""

    value: str
    """Its value, such as who."""

    examples: int
    metrics: Dict[str, float]
    low: Dict[str, float] = field(default_factory=dict)
    """Metric to the lower end of its 95 % interval; evaluations of earlier versions have none."""

    high: Dict[str, float] = field(default_factory=dict)
    """The same of the upper end."""


@dataclass(frozen=True)
class EvaluationFacts:
    """What a model scored on one split."""

    task: str
    checkpoint: str
    """Digest of the Checkpoint."""

    features: str
    """Digest of the Features."""

    split: str
    data: str
    """Digest of the examples and their true answers: two evaluations with the same digest can be paired."""

    examples: int
    """The denominator of every metric."""

    rows: int
    """Rows that were predicted."""

    loss: float
    """Mean over the rows."""

    metrics: Dict[str, Metric]
    """By name, such as exact_match and f1; in percent where the task's are."""

    slices: List[Slice]
    settings: Dict[str, Any]
    """The recipe's evaluation section with all defaults."""

    seconds: float
    preparation: Dict[str, Any] = field(default_factory=dict)
    """The recipe's features section: how inputs have to be prepared for prediction."""

    notes: Dict[str, float] = field(default_factory=dict)
    """Numbers for the card that are no metrics, such as out_of_vocabulary."""

    grouped_by: str = ""
    """What examples share of which the intervals take account, such as article; empty where each counts for itself, as
    in evaluations of earlier versions."""

    groups: int = 0
    """How many of these there are; 0 where each example counts for itself."""

    precision: str = ""
    """What the model computed in; empty in evaluations of earlier versions."""

    profile: Dict[str, SplitProfile] = field(default_factory=dict)
    """Of the data that the model was trained and scored on, by split; evaluations of earlier versions have none."""

    image: str = ""
    """The container image that it ran in; empty where it is not known, as outside a cluster."""

    def numbers(self) -> Dict[str, float]:
        """The metrics, the loss, and how many examples there were."""
        values = {name: metric.value for name, metric in self.metrics.items()}
        return {**values, "loss": self.loss, "examples": float(self.examples)}


@dataclass(frozen=True)
class UsageExample:
    """A scored example that the card's code is shown with."""

    row: int
    """In the evaluated split."""

    values: Mapping[str, str] = field(default_factory=dict)
    """What usage.md.jinja shows of it."""

    files: Mapping[str, bytes] = field(default_factory=dict)
    """Beside the card: name to content."""


EVALUATION = Format("evaluation", 1, EvaluationFacts, OfTheRun(facts=("seconds", "image")))
Evaluation = Artifact[EvaluationFacts]


def rows_by_slice(slices: Iterable[Mapping[str, str]]) -> Dict[Tuple[str, str], List[int]]:
    """Each slice's name and value to the rows of its examples; `slices` has those of every example, in order."""
    parts: Dict[Tuple[str, str], List[int]] = {}
    for row, of_one in enumerate(slices):
        for part in of_one.items():
            parts.setdefault(part, []).append(row)
    return parts


def write_examples(directory: Path, predictions: Any, examples: Iterable[Dict[str, Any]]) -> None:
    """Write the predictions in the task's official format, and the scored examples."""
    text = json.dumps(predictions, ensure_ascii=False) + "\n"
    (directory / PREDICTIONS).write_text(text, encoding="utf-8")
    write_json_lines(directory / EXAMPLES, examples)


def write_usage(directory: Path, usage: UsageExample) -> None:
    """Write the example that the card's code is shown with."""
    text = json.dumps({"row": usage.row, "values": usage.values}, ensure_ascii=False, indent=1) + "\n"
    (directory / USAGE).write_text(text, encoding="utf-8")
    for name, content in usage.files.items():
        (directory / USAGE_FILES).mkdir(exist_ok=True)
        (directory / USAGE_FILES / name).write_bytes(content)


def read_usage(evaluation: Evaluation) -> UsageExample:
    """Read the example that the card's code is shown with; BadInput where there is none."""
    path = evaluation.path / USAGE
    if USAGE not in evaluation.files:
        raise BadInput(f"{path} is missing; evaluate the model again")
    usage = read_object(path)
    files = [name for name in evaluation.files if name.startswith(f"{USAGE_FILES}/")]
    contents = {name[len(USAGE_FILES) + 1 :]: (evaluation.path / name).read_bytes() for name in files}
    return UsageExample(usage["row"], usage["values"], contents)


def surest_first(records: Sequence[Mapping[str, Any]]) -> List[int]:
    """The rows of scored examples, those first of which the model was surest; else in their order."""
    return sorted(range(len(records)), key=lambda row: -records[row].get("probability", 0.0))


def read_examples(evaluation: Evaluation) -> Iterator[Dict[str, Any]]:
    """Read the scored examples in the data's order; BadInput names the first line that holds none."""
    path = evaluation.path / EXAMPLES
    for number, example in enumerate(read_json_lines(path, _NO_EXAMPLE), start=1):
        if not (isinstance(example, dict) and isinstance(example.get("scores"), dict)):
            raise BadInput(f"{path} line {number} {_NO_EXAMPLE}")
        yield example
