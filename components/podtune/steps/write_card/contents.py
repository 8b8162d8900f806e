"""What the card and the report say: figures, comparisons and sentences from a run's records and its recipe."""

from dataclasses import dataclass
from functools import partial
from typing import Dict, List, Optional, Sequence

from podtune.formats.base_model import DecoderFacts
from podtune.formats.evaluation import Slice
from podtune.steps.write_card.records import Records
from podtune.steps.write_card.settings import CardSettings
from podtune.steps.write_card.shown_settings import ShownSetting, shown_settings
from podtune.tasks.task import MetricRecord, Task, TaskWords, task_of

OVERFITTING = 1.5
"""Ratio of the validation loss to the final training loss from which a model is said to overfit."""

NOT_STATED = "not stated"


@dataclass(frozen=True)
class Result:
    """One metric over all examples."""

    name: str
    value: float
    low: float
    high: float
    metric: MetricRecord
    correct: Optional[int]
    """Number of correct examples, where the metric is their share."""


@dataclass(frozen=True)
class Comparison:
    """A metric, the loss or a note next to its published value."""

    name: str
    value: float
    published: float
    inside: Optional[bool]
    """Whether the published value is in our 95% interval; None without an interval."""


@dataclass(frozen=True)
class TrainingSummary:
    """Training in a few figures."""

    last_losses: Optional[float]
    """Mean training loss over the last tenth of the steps; None if the log has no loss."""

    overfitted: Optional[float]
    """Ratio of the validation loss to last_losses, where it shows overfitting."""

    device_hours: float
    """Devices times the hours of training."""

    rows_per_second: float
    rows_per_call: int
    """Rows that one device call consumes."""


@dataclass(frozen=True)
class Contents:
    """Everything that the templates show."""

    name: str
    task: Task
    card: CardSettings
    records: Records
    results: List[Result]
    comparisons: List[Comparison]
    slices: Dict[str, List[Slice]]
    """By what the examples are divided by."""

    settings: List[ShownSetting]
    training: TrainingSummary

    @property
    def description(self) -> str:
        """What the model is, in the author's words, or else in those of its files."""
        architecture = self.records.checkpoint.architecture or self.records.base_model.model_type
        return self.card.description or f"A model for {self.words.title.lower()} ({architecture})."

    @property
    def words(self) -> TaskWords:
        """The task's wording."""
        return self.task.words

    @property
    def base_models(self) -> List[DecoderFacts]:
        """The origin of the pretrained models: one, or an encoder and a decoder."""
        first = self.records.base_model
        return [first] if first.decoder is None else [first, first.decoder]

    @property
    def slice_metrics(self) -> List[str]:
        """Metrics that slices have, which excludes corpus metrics such as BLEU."""
        return sorted({name for parts in self.slices.values() for part in parts for name in part.metrics})

    @property
    def sampled_metrics(self) -> List[str]:
        """Metrics that are no mean over the examples, such as BLEU."""
        known = self.slice_metrics
        return [result.name for result in self.results if known and result.name not in known]

    @property
    def slice_intervals(self) -> bool:
        """Whether the evaluation recorded intervals of slices; earlier ones did not."""
        return any(part.low for parts in self.slices.values() for part in parts)

    @property
    def splits(self) -> List[str]:
        """The splits, train first."""
        return sorted(self.records.features.splits, key=lambda split: (split != "train", split))


def contents_of(records: Records, card: CardSettings, name: str) -> Contents:
    """Derive what the card says about a run."""
    task = task_of(records.features)
    return Contents(
        name=name,
        task=task,
        card=card,
        records=records,
        results=_results(records, task),
        comparisons=_comparisons(records, card),
        slices=_slices(records, task),
        settings=shown_settings(records, task),
        training=_training(records),
    )


def _results(records: Records, task: Task) -> List[Result]:
    results = []
    for name, value in sorted(records.evaluation.metrics.items()):
        metric = task.metric(name)
        correct = _correct(value.value, records.evaluation.examples) if metric.is_share else None
        results.append(Result(name, value.value, value.low, value.high, metric, correct))
    return results


def _correct(percent: float, examples: int) -> Optional[int]:
    share = percent * examples / 100
    return round(share) if abs(share - round(share)) < 1e-6 else None


def _comparisons(records: Records, card: CardSettings) -> List[Comparison]:
    if card.reference is None:
        return []
    evaluation, comparisons = records.evaluation, []
    others = {**evaluation.notes, "loss": evaluation.loss}
    for name, published in sorted(card.reference.metrics.items()):
        metric = evaluation.metrics.get(name)
        if metric is not None:
            comparisons.append(Comparison(name, metric.value, published, metric.low <= published <= metric.high))
        elif name in others:
            comparisons.append(Comparison(name, others[name], published, None))
    return comparisons


def _slices(records: Records, task: Task) -> Dict[str, List[Slice]]:
    """Sort the slices as the task does; what it does not list comes last, the largest first."""
    parts: Dict[str, List[Slice]] = {}
    for part in sorted(records.evaluation.slices, key=lambda part: -part.examples):
        parts.setdefault(part.name, []).append(part)
    names = list(task.slices)
    return {
        name: sorted(parts[name], key=partial(_place, task.slices.get(name, ())))
        for name in sorted(parts, key=lambda name: (names.index(name) if name in names else len(names), name))
    }


def _place(listed: Sequence[str], part: Slice) -> int:
    return listed.index(part.value) if part.value in listed else len(listed)


def _training(records: Records) -> TrainingSummary:
    facts = records.checkpoint
    last = [entry["loss"] for entry in records.log.training if entry["step"] > facts.steps * 0.9]
    last_losses = sum(last) / len(last) if last else None
    ratio = records.evaluation.loss / last_losses if last_losses else 0.0
    return TrainingSummary(
        last_losses=last_losses,
        overfitted=ratio if ratio >= OVERFITTING else None,
        device_hours=int(facts.hardware.get("count", 1)) * facts.seconds / 3600,
        rows_per_second=facts.examples_seen / facts.seconds if facts.seconds else 0.0,
        rows_per_call=int(facts.training.get("batch_size", 0)) * int(facts.training.get("device_iterations", 1)),
    )
