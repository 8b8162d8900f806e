"""All that differs between the problems, behind one interface; and the table of them."""

import importlib
from dataclasses import dataclass, field
from typing import Any, Callable, Dict, List, Mapping, Protocol, Type, cast

import numpy as np

from podtune.errors import BadInput
from podtune.formats.features import Features
from podtune.training.protocols import CompilableObjective, Examples

TASKS = {
    "question-answering": "podtune.tasks.question_answering.task",
    "visual-question-answering": "podtune.tasks.visual_question_answering.task",
    "image-captioning": "podtune.tasks.image_captioning.task",
}
"""Task to the module that has its functions."""


@dataclass(frozen=True)
class Scored:
    """What one evaluation found, in the order of the examples."""

    metrics: Mapping[str, np.ndarray]
    """Metric to float64 [examples], in percent."""

    values: Mapping[str, float]
    """Metric to its value over all examples, in percent, exact to the last digit of the published definition;
    the mean of `metrics` but for rounding."""

    loss: float
    """Mean over the rows."""

    records: List[Dict[str, Any]]
    """One an example: id, prediction, scores, slices, and what else a reader would ask for."""

    predictions: Any
    """In the task's official format, JSON-ready."""

    corpus: Mapping[str, Callable[[np.ndarray], float]] = field(default_factory=dict)
    """Metrics that are no mean over examples, such as BLEU: to a function of example rows, int64 [n] with repeats,
    that gives the value over these; `values` has them too, `metrics` has not."""

    notes: Mapping[str, float] = field(default_factory=dict)
    """Numbers that a reader of the card should know and that are no metrics, such as out_of_vocabulary."""


class ScoringSettings(Protocol):
    """What every task's evaluation section has; a frozen dataclass."""

    @property
    def split(self) -> str:
        """Which is scored."""

    @property
    def bootstrap_samples(self) -> int:
        """Resamplings behind each 95 % interval."""

    @property
    def seed(self) -> int:
        """Of the resampling."""


class Task(Protocol):
    """A problem that podtune solves; each is a module with these names. `settings` are an evaluation section's."""

    EvaluationSettings: Type[ScoringSettings]
    """The recipe's evaluation section."""

    def open_examples(self, features: Features, split: str) -> Examples:
        """Memory-map one split."""

    def objective(self, features: Features, settings: Mapping[str, Any]) -> CompilableObjective:
        """What a model of these Features is for; the only function that needs torch."""

    def score(
        self, features: Features, split: str, outputs: Mapping[str, np.ndarray], settings: Mapping[str, Any]
    ) -> Scored:
        """Score what an engine's `outputs` returned for the split."""


def task_named(name: str) -> Task:
    """Find a task; BadInput names those there are."""
    if name not in TASKS:
        raise BadInput(f"task must be one of {', '.join(TASKS)}; got {name!r}")
    return cast(Task, importlib.import_module(TASKS[name]))
