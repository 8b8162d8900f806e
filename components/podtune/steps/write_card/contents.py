"""What the card and the report say: figures, comparisons and sentences from a run's records and its recipe."""

from dataclasses import dataclass, fields
from typing import Any, Dict, List, Mapping, Optional, Tuple

from podtune.formats.base_model import DecoderFacts
from podtune.formats.evaluation import Slice
from podtune.steps.write_card.records import Records
from podtune.steps.write_card.settings import CardSettings
from podtune.steps.write_card.wording import count, decimal, setting, signed
from podtune.tasks.task import MetricRecord, Task, TaskWords, task_of
from podtune.training.config import TrainingConfig

OVERFITTING = 1.5
"""Ratio of the validation loss to the final training loss from which a model is said to overfit."""

NOT_STATED = "not stated"

DECISIONS = {
    "accept": "The gate accepted this model for release.",
    "accept-first": "The gate accepted this model for release; there was no live release to compare it with.",
    "refuse": "The gate refused this model: it is not released.",
}


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

    settings: List[Tuple[str, Any]]
    """Every non-empty setting that shaped the model, as section.key."""

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
        slices=_slices(records),
        settings=_settings(records),
        training=_training(records),
    )


def sentences(contents: Contents) -> Dict[str, Optional[str]]:
    """Write the sentences of the templates, by name; None where there is nothing to say."""
    words, ratio = contents.words, contents.training.overfitted
    rows = f"{count(contents.records.evaluation.rows)} {words.rows}"
    overfitting = f"The validation loss is {decimal(ratio or 0, 1)} times the final training loss: the model overfits."
    return {
        "verdict_sentence": DECISIONS[contents.records.verdict.decision],
        "units_sentence": _units(contents),
        "loss_sentence": words.loss.format(rows=rows),
        "loss_note": words.loss_in_short.format(rows=rows),
        "champion_sentence": _champion(contents),
        "overfitting_sentence": overfitting if ratio else None,
        "attribution": _attribution(contents),
    }


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


def _slices(records: Records) -> Dict[str, List[Slice]]:
    parts = records.evaluation.slices
    return {name: [part for part in parts if part.name == name] for name in dict.fromkeys(part.name for part in parts)}


def _settings(records: Records) -> List[Tuple[str, Any]]:
    """List the settings in the order of the flow and of TrainingConfig; the placement on IPUs only where it applied."""
    training, on_ipu = records.checkpoint.training, records.checkpoint.hardware.get("device") == "ipu"
    order = dict.fromkeys([*(field.name for field in fields(TrainingConfig)), *sorted(training)])
    ordered = {key: training[key] for key in order if training.get(key) is not None}
    placement = ordered.pop("ipu", {})
    sections: Tuple[Tuple[str, Mapping[str, Any]], ...] = (
        ("features", records.features.settings),
        ("training", ordered),
        ("training.ipu", placement if on_ipu else {}),
        ("evaluation", records.evaluation.settings),
    )
    settings = [(f"{section}.{key}", value) for section, values in sections for key, value in values.items()]
    return [(name, value) for name, value in settings if value not in ("", {}, [])]


def _training(records: Records) -> TrainingSummary:
    facts = records.checkpoint
    last = [entry["loss"] for entry in records.log.training if entry["step"] > facts.steps * 0.9]
    last_losses = sum(last) / len(last) if last else None
    ratio = records.evaluation.loss / last_losses if last_losses else 0.0
    return TrainingSummary(
        last_losses=last_losses,
        overfitted=ratio if ratio >= OVERFITTING else None,
        rows_per_second=facts.examples_seen / facts.seconds if facts.seconds else 0.0,
        rows_per_call=int(facts.training.get("batch_size", 0)) * int(facts.training.get("device_iterations", 1)),
    )


def _units(contents: Contents) -> Optional[str]:
    others = [result for result in contents.results if not result.metric.in_percent]
    named = " and ".join(f"{result.name} (0 to {setting(result.metric.highest)})" for result in others)
    return f"Metrics are percentages, except {named}." if others else None


def _champion(contents: Contents) -> Optional[str]:
    verdict = contents.records.verdict
    if verdict.champion is None:
        return None
    beginning = f"The live release was {verdict.champion}"
    difference = verdict.difference
    if "value" not in difference:
        return f"{beginning}; its scores cannot be compared with this model's."
    interval = f"95% interval {signed(difference['low'])} to {signed(difference['high'])}"
    return (
        f"{beginning}. On the same {contents.words.examples}, this model's {verdict.settings.get('metric')} "
        f"differs by {signed(difference['value'])} ({interval})."
    )


def _attribution(contents: Contents) -> str:
    raw_data, card = contents.records.raw_data, contents.card
    models = [_origin(made.model or made.source, made.revision, made.licence) for made in contents.base_models]
    licence = card.licence if card.licence != "other" else f"{card.licence_name} ({card.licence_link})"
    released = f"This model is released under the licence {licence}." if licence else f"Its licence is {NOT_STATED}."
    data = _origin(raw_data.dataset or raw_data.source, raw_data.revision, raw_data.licence)
    return f"Trained on {data}. Based on {' and '.join(models)}. {released}"


def _origin(name: str, revision: str, licence: str) -> str:
    return f"{name} ({f'revision {revision}, ' if revision else ''}licence {licence or NOT_STATED})"
