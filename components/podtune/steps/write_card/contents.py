"""What a card says: the records of a run and a person's words, worked out once for the card and for the report."""

from dataclasses import dataclass, fields
from typing import Any, Dict, List, Mapping, Optional, Tuple, Union

from podtune.formats.base_model import BaseModelFacts, DecoderFacts
from podtune.steps.write_card.records import Records
from podtune.steps.write_card.settings import CardSettings
from podtune.steps.write_card.wording import count, decimal, setting, signed
from podtune.tasks.task import Task, Words, metric_named, task_of
from podtune.training.config import TrainingConfig

OVERFITTING = 1.5
"""A validation loss so many times the training loss at the end is called overfitting."""

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
    highest: float
    """The greatest value that there could be."""

    correct: Optional[int]
    """Examples that were right, where the metric is a share of them."""


@dataclass(frozen=True)
class Comparison:
    """One metric, the loss or a note beside its published value."""

    name: str
    value: float
    published: float
    inside: Optional[bool]
    """Whether the published value lies in our 95% interval; None where there is no interval."""


@dataclass(frozen=True)
class TrainingSummary:
    """Training in a few numbers."""

    last_losses: Optional[float]
    """Mean training loss over the last tenth of the steps; None where the log holds no loss."""

    overfitted: Optional[float]
    """Validation loss over the above, where that is a sign of overfitting."""

    rows_per_second: float
    call: int
    """Rows that one call to the device consumes."""


@dataclass(frozen=True)
class Contents:
    """Everything that the templates show."""

    name: str
    task: Task
    command: str
    card: CardSettings
    records: Records
    results: List[Result]
    comparisons: List[Comparison]
    slices: Dict[str, List[Any]]
    """What the examples are divided by, to its parts."""

    settings: List[Tuple[str, Any]]
    """Every setting that shaped the model, as section.key; empty ones are left out."""

    training: TrainingSummary

    @property
    def words(self) -> Words:
        """How to speak of the task."""
        return self.task.words

    @property
    def base_models(self) -> List[Union[BaseModelFacts, DecoderFacts]]:
        """Where the pretrained models came from: one, or an encoder and a decoder."""
        first = self.records.base_model
        return [first] if first.decoder is None else [first, first.decoder]

    @property
    def metrics_of_parts(self) -> List[str]:
        """Metrics that parts of the examples have too; not those that are one number over all."""
        return sorted({name for parts in self.slices.values() for part in parts for name in part.metrics})

    @property
    def splits(self) -> List[str]:
        """Splits in the order of the flow."""
        return sorted(self.records.features.splits, key=lambda split: (split != "train", split))


def contents_of(records: Records, card: CardSettings, name: str, command: str) -> Contents:
    """Work out what the card says of a run."""
    task = task_of(records.features)
    return Contents(
        name=name,
        task=task,
        command=command,
        card=card,
        records=records,
        results=_results(records, task),
        comparisons=_comparisons(records, card),
        slices=_slices(records),
        settings=_settings(records),
        training=_training(records),
    )


def sentences(contents: Contents) -> Dict[str, Optional[str]]:
    """Every sentence that the templates place, by name; None where there is nothing to say."""
    return {
        "verdict_sentence": DECISIONS[contents.records.verdict.decision],
        "units_sentence": _units(contents),
        "loss_sentence": contents.words.loss.format(rows=_rows(contents)),
        "loss_note": contents.words.loss_in_short.format(rows=_rows(contents)),
        "champion_sentence": _champion(contents),
        "overfitting_sentence": _overfitting(contents),
        "attribution": _attribution(contents),
    }


def _results(records: Records, task: Task) -> List[Result]:
    examples = records.evaluation.examples
    return [
        Result(
            name,
            metric.value,
            metric.low,
            metric.high,
            highest=metric_named(name).highest,
            correct=_correct(metric.value, examples) if task.metric(name).is_share else None,
        )
        for name, metric in sorted(records.evaluation.metrics.items())
    ]


def _correct(percent: float, examples: int) -> Optional[int]:
    share = percent * examples / 100
    return round(share) if abs(share - round(share)) < 1e-6 else None


def _comparisons(records: Records, card: CardSettings) -> List[Comparison]:
    if card.reference is None:
        return []
    evaluation, found = records.evaluation, []
    others = {**evaluation.notes, "loss": evaluation.loss}
    for name, published in sorted(card.reference.metrics.items()):
        metric = evaluation.metrics.get(name)
        if metric is not None:
            found.append(Comparison(name, metric.value, published, metric.low <= published <= metric.high))
        elif name in others:
            found.append(Comparison(name, others[name], published, None))
    return found


def _slices(records: Records) -> Dict[str, List[Any]]:
    divided: Dict[str, List[Any]] = {}
    for part in records.evaluation.slices:
        divided.setdefault(part.name, []).append(part)
    return divided


def _settings(records: Records) -> List[Tuple[str, Any]]:
    """The sections that shaped the model, training in the order of its dataclass; where it lay on IPUs if it did."""
    training = _ordered(records.checkpoint.training, [field.name for field in fields(TrainingConfig)])
    placement = training.pop("ipu", {}) if records.checkpoint.hardware.get("device") == "ipu" else {}
    sections: Tuple[Tuple[str, Mapping[str, Any]], ...] = (
        ("features", records.features.settings),
        ("training", {key: value for key, value in training.items() if key != "ipu"}),
        ("training.ipu", placement),
        ("evaluation", records.evaluation.settings),
    )
    found = [(f"{section}.{key}", value) for section, values in sections for key, value in values.items()]
    return [(name, value) for name, value in found if value not in ("", {}, [])]


def _ordered(values: Mapping[str, Any], order: List[str]) -> Dict[str, Any]:
    keys = [key for key in order if key in values] + sorted(set(values) - set(order))
    return {key: values[key] for key in keys if values[key] is not None}


def _training(records: Records) -> TrainingSummary:
    facts = records.checkpoint
    last = [entry["loss"] for entry in records.log.training if entry["step"] > facts.steps * 0.9]
    last_losses = sum(last) / len(last) if last else None
    ratio = records.evaluation.loss / last_losses if last_losses else 0.0
    return TrainingSummary(
        last_losses=last_losses,
        overfitted=ratio if ratio >= OVERFITTING else None,
        rows_per_second=facts.examples_seen / facts.seconds if facts.seconds else 0.0,
        call=int(facts.training.get("batch_size", 0)) * int(facts.training.get("device_iterations", 1)),
    )


def _rows(contents: Contents) -> str:
    return f"{count(contents.records.evaluation.rows)} {contents.words.rows}"


def _units(contents: Contents) -> Optional[str]:
    others = [result for result in contents.results if not metric_named(result.name).in_percent]
    named = " and ".join(f"{result.name} (0 to {setting(result.highest)})" for result in others)
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


def _overfitting(contents: Contents) -> Optional[str]:
    ratio = contents.training.overfitted
    if ratio is None:
        return None
    return f"The validation loss is {decimal(ratio, 1)} times the final training loss: the model overfits."


def _attribution(contents: Contents) -> str:
    raw_data = contents.records.raw_data
    models = [_origin(made.model, made.revision, made.licence) for made in contents.base_models]
    return (
        f"Trained on {_origin(raw_data.dataset, raw_data.revision, raw_data.licence)}. "
        f"Based on {' and '.join(models)}. "
        f"This model is released under the licence {_licence(contents)}."
    )


def _origin(name: str, revision: str, licence: str) -> str:
    return f"{name} ({f'revision {revision}, ' if revision else ''}licence {licence})"


def _licence(contents: Contents) -> str:
    card = contents.card
    return card.licence if card.licence != "other" else f"{card.licence_name} ({card.licence_link})"
