"""What the gate compares: the scores of the new model and of the live release."""

import logging
from dataclasses import dataclass, field
from math import fsum, isfinite
from pathlib import Path
from typing import Any, Dict, Iterable, List, Mapping, Optional, Sequence, Union

import numpy as np

from podtune.errors import BadInput
from podtune.formats.evaluation import EVALUATION, EXAMPLES, read_examples
from podtune.formats.profile import SplitProfile
from podtune.formats.release import EVALUATION_FOLDER
from podtune.formats.sealed import MANIFEST
from podtune.stores.fetching import fetch_facts, fetched
from podtune.stores.live import live_version
from podtune.stores.releases import read_release
from podtune.stores.store import Store
from podtune.tasks.groups import Groups

_ROUNDING = 1e-6
"""Relative: how far a mean may be from another sum of the same numbers."""

_MOST_GROUPS = 2**53
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ScoredExample:
    """What one example was given."""

    scores: Mapping[str, Any]
    """By metric; only the gate's metric is known to be a number."""

    prediction: str
    slices: Mapping[str, str]


@dataclass(frozen=True)
class Evaluated:
    """The scores of a model."""

    digest: str
    """Of the Evaluation."""

    checkpoint: str
    """Digest of the Checkpoint."""

    data: str
    """Digest of the examples: only scores on the same ones can be paired."""

    metrics: Mapping[str, float]
    scores: Mapping[str, float]
    """Score of each example by the gate's metric; empty if that is not in `example_metrics`."""

    example_metrics: Sequence[str] = ()
    """Metrics that each example has; corpus metrics such as BLEU are not among them."""

    examples: Mapping[str, ScoredExample] = field(default_factory=dict)
    """By id, in the file's order."""

    groups: Groups = field(default_factory=Groups)
    """Which of the examples, in that order, share something that makes their scores alike."""

    profile: Mapping[str, SplitProfile] = field(default_factory=dict)
    """Of its data."""

    def scores_of(self, examples: Iterable[str]) -> np.ndarray:
        """float64 [examples]: by the gate's metric."""
        return np.array([self.scores[name] for name in examples])


@dataclass(frozen=True)
class Champion:
    """A release and its scores: the live one, or the anchor."""

    version: str
    evaluated: Evaluated


@dataclass(frozen=True)
class Unreadable:
    """A release whose scores cannot be read."""

    version: str
    why: str


def open_evaluated(path: Path, metric: str) -> Evaluated:
    """Verify an Evaluation and read the scores by one metric; BadInput unless every example has a finite one."""
    evaluation = EVALUATION.open(path)
    facts = evaluation.facts
    records = list(read_examples(evaluation))
    example_metrics: List[str] = [*records[0]["scores"]] if records else []
    scores = _scores(records, metric, evaluation.path / EXAMPLES) if metric in example_metrics else {}
    if scores and len(scores) != facts.examples:
        raise BadInput(f"{path / EXAMPLES} has {len(scores)} examples; its manifest says {facts.examples}")
    metrics = {name: result.value for name, result in facts.metrics.items()}
    _require_means(metrics, records, path)
    examples = {
        str(example.get("id")): ScoredExample(
            example["scores"], str(example.get("prediction", "")), example.get("slices", {})
        )
        for example in records
    }
    groups = _groups(records, facts.grouped_by, evaluation.path / EXAMPLES)
    made_of = evaluation.digest, facts.checkpoint, facts.data
    return Evaluated(*made_of, metrics, scores, example_metrics, examples, groups, facts.profile)


def find_champion(store: Store, name: str, metric: str) -> Optional[Union[Champion, Unreadable]]:
    """Fetch and verify the live release's Evaluation; None if nothing is live under this name.

    TryAgainLater if the store cannot answer: that says nothing about the champion.
    """
    live = live_version(store, name)
    return None if live is None else fetch_evaluated(store, name, live.version, metric)


def fetch_evaluated(store: Store, name: str, version: str, metric: str) -> Union[Champion, Unreadable]:
    """Fetch and verify a release's Evaluation, and nothing else of it."""
    try:
        with fetched(store, read_release(store, name, version), f"{EVALUATION_FOLDER}/") as release:
            return Champion(version, open_evaluated(release / EVALUATION_FOLDER, metric))
    except BadInput as error:
        return Unreadable(version, " ".join(str(error).split()))


def data_of(store: Store, name: str, version: str) -> Optional[str]:
    """Digest of the examples that a release was scored on, of which only a manifest is fetched; None if unreadable."""
    try:
        return fetch_facts(store, read_release(store, name, version), EVALUATION_FOLDER, EVALUATION).data
    except BadInput as error:
        _log.warning("version %s is not held against this model: %s", version, " ".join(str(error).split()))
        return None


def _require_means(metrics: Mapping[str, float], records: Sequence[Mapping[str, Any]], path: Path) -> None:
    """BadInput where a metric that each example has is another number than the mean of these."""
    for name in metrics.keys() & (records[0]["scores"].keys() if records else ()):
        values = [record["scores"].get(name) for record in records]
        if not all(isinstance(value, (int, float)) for value in values):
            continue
        mean = fsum(values) / len(values)
        if not abs(metrics[name] - mean) <= _ROUNDING * max(1.0, abs(mean)):
            where = f"the {name} in {path / MANIFEST} is {metrics[name]}"
            raise BadInput(f"{where}; the mean over {EXAMPLES} beside it is {mean}; evaluate the model again")


def _groups(records: Sequence[Mapping[str, Any]], name: str, path: Path) -> Groups:
    """The groups of an Evaluation; none of those of earlier versions."""
    if not name:
        return Groups()
    numbers = [record.get("group") for record in records]
    for line, number in enumerate(numbers, start=1):
        if type(number) is not int or abs(number) > _MOST_GROUPS:
            given = f"group must be a whole number; got {number!r}"
            raise BadInput(f"{path} line {line}: {given}; evaluate the model again")
    return Groups(name, np.array(numbers, dtype=np.int64))


def _scores(records: Sequence[Mapping[str, Any]], metric: str, path: Path) -> Dict[str, float]:
    """Each example's value of a metric, by id, in the file's order."""
    scores: Dict[str, float] = {}
    for number, example in enumerate(records, start=1):
        line = f"{path} line {number}"
        try:
            score = float(example["scores"][metric])
            scores[example["id"]] = score
        except (ValueError, KeyError, TypeError) as error:
            raise BadInput(f"{line} lacks an id or its {metric}; evaluate the model again") from error
        if not isfinite(score):
            raise BadInput(f"{line}: {metric} is {score}, not finite; evaluate the model again")
    return scores
