"""All that differs between the problems: one record a task, free of torch, and the table of them."""

import importlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple, Type, cast

import numpy as np

from podtune.errors import BadInput
from podtune.formats.evaluation import UsageExample
from podtune.formats.features import PREVIEWS, Features, FeaturesFacts
from podtune.formats.profile import TRAIN
from podtune.tasks.scored import Scored
from podtune.training.fixed_shapes import CompilableObjective
from podtune.training.protocols import Examples

TASKS: Dict[str, str] = {
    "question-answering": "podtune.tasks.question_answering",
    "visual-question-answering": "podtune.tasks.visual_question_answering",
    "image-captioning": "podtune.tasks.image_captioning",
}
"""Task to its package, which has the record in `task.py` (TASK), what needs torch in `objective.py` (objective) and
`predicting.py` (predict), in `usage.md.jinja` what the card says of how to use a model, and in `usage.py` the example
that this is shown with (example)."""


@dataclass(frozen=True)
class MetricRecord:
    """What a number says of a model; its values begin at 0."""

    title: str
    """On the Hub."""

    highest: float = 100.0
    """The greatest value that there can be: 100 of a metric in percent."""

    higher_is_better: bool = True
    """Only of such a metric can a recipe ask for the best checkpoint, a floor, or no loss against the live release."""

    is_share: bool = False
    """Whether it is the share of the examples that are right."""

    usual: float = 50.0
    """What a real model reaches easily: a tolerance of as much would accept anything."""

    tolerance: float = 1.0
    """What a model may be worse by where a recipe does not say."""

    is_tolerance_relative: bool = False
    """Whether that is a share of the value of the release, and not in the metric's unit: where real models differ many
    times over."""

    spread: float = 30.0
    """How far two trainings of one recipe are assumed to differ on one example (standard deviation), until two were
    compared: in percent, as where they disagree on one example in eleven."""

    remedy: str = ""
    """What to do about an evaluation that lacks it."""

    @property
    def in_percent(self) -> bool:
        """Whether it is counted from 0 to 100."""
        return self.highest == 100.0

    @property
    def end(self) -> Optional[float]:
        """The upper end of its range where real models come near to it, as of one in percent."""
        return self.highest if self.in_percent else None


@dataclass(frozen=True)
class TaskWords:
    """How a card and a report speak of a task."""

    examples: str
    """The noun of what is scored."""

    rows: str
    """The noun of what is trained on; as the examples, where a row is one. A recipe's features may say how many to
    expect, as expected_ and this."""

    hub: str
    """The Hub's name of the task, which is its pipeline_tag too."""

    title: str
    scoring: str
    """A sentence on how an example is scored; empty where the metrics' names say it."""

    loss: str
    """A sentence on what the loss is; {rows} is their count with its noun."""

    loss_in_short: str
    curves: Tuple[str, ...]
    """Metrics that are drawn over the steps."""

    truths: str
    """The noun of what a prediction is compared with."""

    text: str
    """The noun of an example's text, of which the data's profile counts the characters."""

    source: str
    """The noun of what the text is about."""

    answer: str
    """The noun of what the profile counts the most frequent one of."""

    duplicates: str
    """By what an example of one split is found in another."""

    def figure(self, name: str) -> str:
        """Describe one of formats.profile.FIGURES."""
        return {
            "examples": self.examples,
            "sources": f"different {self.source}s",
            "text_length": f"median characters of a {self.text}",
            "source_length": f"median characters of a {self.source}",
            "without_answer": f"share that has no {self.answer}",
            "most_frequent": f"share of the most frequent {self.answer}",
        }[name]


@dataclass(frozen=True)
class Sample:
    """A data set or a model that is made on the spot: what makes it, and what its URI may say."""

    writer: str
    """As module:function, called with the directory and all values; imported only when a sample is made."""

    defaults: Mapping[str, str]
    """Key to its default; a key whose default is a whole number takes only whole numbers."""

    choices: Mapping[str, Tuple[str, ...]] = field(default_factory=dict)
    """Key to its allowed values, where these are few."""

    fixed: Mapping[str, str] = field(default_factory=dict)
    """Further arguments of the writer."""


@dataclass(frozen=True)
class Prediction:
    """How `podtune predict` uses a model of the task."""

    does: str
    """What a model does, as the predicate of a sentence."""

    options: Tuple[str, ...]
    """Fields of tasks.predicting.PredictionRequest that it takes."""

    architecture: str
    """How the model's class in config.json ends; of several tasks the longest that fits counts."""


@dataclass(frozen=True)
class Passage:
    """The text that an example is about."""

    text: str
    truths: List[Tuple[int, int]]
    """First character of each true answer, and the one after its last."""


@dataclass(frozen=True)
class Task:
    """A problem that podtune solves."""

    name: str
    features: Type[Any]
    """The recipe's features section."""

    evaluation: Type[Any]
    """The recipe's evaluation section, tasks.scored.ScoringSettings; every key has a default."""

    preparation: str
    """The step that makes its Features."""

    metrics: Mapping[str, MetricRecord]
    words: TaskWords
    data_sets: Mapping[str, Sample]
    """sample:// URIs of data in the real raw format; a writer returns RawData's names of its files."""

    models: Mapping[str, Sample]
    """sample:// URIs of models with new weights, as transformers saves them."""

    prediction: Prediction
    model_types: Tuple[str, ...]
    """What a pretrained model's config.json may have as its model_type."""

    open_examples: Callable[[Features, str], Examples]
    """Memory-map one split."""

    score: Callable[[Features, str, Mapping[str, np.ndarray], Any], Scored]
    """Score what an engine returned for a split: features, split, outputs and the evaluation section."""

    ipu_model_types: Tuple[str, ...] = ()
    """Those of them that can be compiled for IPUs; empty where all can."""

    parts: Tuple[str, ...] = ()
    """The same of an encoder and of a decoder that were published separately; empty where a model is one."""

    slices: Mapping[str, Tuple[str, ...]] = field(default_factory=dict)
    """What its examples are divided by, in the order in which that is told, to the values in their own order; those
    that are not listed follow, the most frequent first."""

    notes: Mapping[str, str] = field(default_factory=dict)
    """Numbers of its evaluations that are no metrics, to what they mean; published ones may be held against them."""

    bytes_an_image: Optional[Callable[[Any], int]] = None
    """The features section to what one image takes on the disk, once; None where examples have no image."""

    features_a_byte: float = 1.0
    """Bytes of Features for one of the data, at most."""

    positions: Optional[Callable[[Any], Tuple[int, int]]] = None
    """The features section to the positions that the longest row takes, and that every row took in the published runs,
    which padded; None where rows have no fixed part."""

    passages: Optional[Callable[[Features, str, Sequence[int]], List[Passage]]] = None
    """Features, split and rows to the texts that these examples are about; None where they are about none."""

    shown: Tuple[str, ...] = ()
    """Files of a split that its examples are shown with, beside the previews of pictures."""

    variant: Callable[["Task", Mapping[str, Any]], "Task"] = lambda task, _: task
    """The record for these settings of the features section, where metrics or words depend on them."""

    def model_types_on(self, device: str) -> Tuple[str, ...]:
        """What a device ("cpu", "gpu", "ipu") can run of `model_types`."""
        return self.ipu_model_types or self.model_types if device == "ipu" else self.model_types

    def objective(self, features: Features, settings: Any) -> CompilableObjective:
        """What a model of these Features is for, evaluated with these settings; the only part that needs torch."""
        return cast(CompilableObjective, self._module("objective").objective(features, settings))

    def predict(self, model: Any, request: Any) -> Any:
        """Answer a tasks.predicting.PredictionRequest with a ReleasedModel; return a Reply."""
        return self._module("predicting").predict(model, request)

    def usage_example(
        self, features: Features, split: str, records: Sequence[Mapping[str, Any]], best: Sequence[int]
    ) -> UsageExample:
        """Choose the example that the card's code is shown with.

        `records` are the split's scored examples, `best` the rows that no other scores higher than, the surest first.
        """
        return cast(UsageExample, self._module("usage").example(features, split, records, best))

    def metric(self, name: str) -> MetricRecord:
        """Describe a metric; one that is in no record counts as in percent."""
        return self.metrics.get(name) or MetricRecord(title=name.replace("_", " ").capitalize())

    @property
    def usage(self) -> str:
        """The card's text on how to use a model: a template over the features and the evaluation section."""
        folder = Path(str(importlib.import_module(TASKS[self.name]).__file__)).parent
        return (folder / "usage.md.jinja").read_text(encoding="utf-8")

    def _module(self, name: str) -> Any:
        return importlib.import_module(f"{TASKS[self.name]}.{name}")


def task_named(name: str) -> Task:
    """Find a task; BadInput names those there are."""
    if name not in TASKS:
        raise BadInput(f"task must be one of {', '.join(TASKS)}; got {name!r}")
    return cast(Task, importlib.import_module(f"{TASKS[name]}.task").TASK)


def task_of(features: FeaturesFacts) -> Task:
    """The record of the task that Features are for, with their settings; BadInput where that is not known."""
    task = task_named(features.task)
    return task.variant(task, features.settings)


def shown_files(features: Features) -> List[str]:
    """The files of Features that a card shows examples with, of which none is of the training split."""
    shown = task_named(features.facts.task).shown
    of_splits = [f"{split}/{name}" for split in features.facts.splits if split != TRAIN for name in shown]
    return [*of_splits, *(name for name in features.files if name.startswith(f"{PREVIEWS}/"))]


def all_tasks() -> List[Task]:
    """Every task, in the order of the table."""
    return [task_named(name) for name in TASKS]


def metric_named(name: str) -> MetricRecord:
    """Describe a metric of any task; one that no task has counts as in percent."""
    tasks = all_tasks()
    return next((task for task in tasks if name in task.metrics), tasks[0]).metric(name)
