"""The records of one run, opened, verified, and shown to belong together."""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping, Tuple

from podtune.errors import BadInput
from podtune.formats.base_model import BaseModelFacts, open_base_model
from podtune.formats.checkpoint import LOG, CheckpointFacts, open_checkpoint
from podtune.formats.evaluation import EXAMPLES, EvaluationFacts, open_evaluation
from podtune.formats.features import FeaturesFacts, open_features
from podtune.formats.raw_data import RawDataFacts, open_raw_data
from podtune.formats.verdict import VerdictFacts, open_verdict
from podtune.steps.write_card.pictures import pictures_of
from podtune.tasks.units import highest


@dataclass(frozen=True)
class TrainingLog:
    """What a run's log.jsonl holds, one entry a line of it, in the order of the steps."""

    training: List[Mapping[str, float]]
    """Each with step, epoch, loss and learning_rate."""

    evaluations: List[Tuple[int, Mapping[str, float]]]
    """Step and metrics of each evaluation on the way."""


@dataclass(frozen=True)
class Records:
    """All that a run recorded."""

    raw_data: RawDataFacts
    base_model: BaseModelFacts
    features: FeaturesFacts
    checkpoint: CheckpointFacts
    evaluation: EvaluationFacts
    verdict: VerdictFacts
    digests: Dict[str, str]
    """Artifact to its digest."""

    log: TrainingLog
    worst: List[Dict[str, Any]]
    """Scored examples with the lowest values of the gate's metric, as evaluate wrote them."""

    pictures: List[bytes]
    """JPEG: what each of the worst examples is about; none where examples are no pictures."""


def open_records(paths: Mapping[str, Path], worst: int) -> Records:
    """Verify and read the six artifacts, by name; keep so many of the worst examples.

    BadInput where one was not made from the others.
    """
    raw_data, raw_data_manifest = open_raw_data(paths["raw_data"])
    base_model, base_model_manifest = open_base_model(paths["base_model"])
    features, features_manifest = open_features(paths["features"])
    checkpoint, checkpoint_manifest = open_checkpoint(paths["checkpoint"])
    evaluation, evaluation_manifest = open_evaluation(paths["evaluation"])
    verdict, verdict_manifest = open_verdict(paths["verdict"])
    digests = {
        "raw_data": raw_data_manifest.digest,
        "base_model": base_model_manifest.digest,
        "features": features_manifest.digest,
        "checkpoint": checkpoint_manifest.digest,
        "evaluation": evaluation_manifest.digest,
        "verdict": verdict_manifest.digest,
    }
    metric = str(verdict.settings.get("metric", ""))
    rows, examples = worst_examples(paths["evaluation"] / EXAMPLES, metric, worst)
    records = Records(
        raw_data,
        base_model,
        features,
        checkpoint,
        evaluation,
        verdict,
        digests,
        log=read_log(paths["checkpoint"] / LOG),
        worst=examples,
        pictures=[],
    )
    _require_one_run(records, paths)
    return replace(records, pictures=pictures_of(paths["features"], features.task, evaluation.split, rows))


def read_log(path: Path) -> TrainingLog:
    """Read a checkpoint's log; where a resumed run logged a step again, the later line counts."""
    training: Dict[int, Mapping[str, float]] = {}
    evaluations: Dict[int, Mapping[str, float]] = {}
    for entry in _json_lines(path):
        if "evaluation" in entry:
            evaluations[int(entry["step"])] = entry["evaluation"]
        elif "loss" in entry:
            training[int(entry["step"])] = entry
    return TrainingLog([training[step] for step in sorted(training)], sorted(evaluations.items()))


def worst_examples(path: Path, metric: str, count: int) -> Tuple[List[int], List[Dict[str, Any]]]:
    """Rows and records of those that fall short of the best `metric`: the lowest first, among equals the surest."""
    examples = list(_json_lines(path))
    scores = [_score(example["scores"], metric) for example in examples]
    rows = [row for row, score in enumerate(scores) if score < highest(metric)]
    rows.sort(key=lambda row: (scores[row], -examples[row].get("probability", 0.0)))
    return rows[:count], [examples[row] for row in rows[:count]]


def _score(scores: Mapping[str, float], metric: str) -> float:
    """An example's value of the metric; of its first one where it has no such metric."""
    return scores[metric] if metric in scores else next(iter(scores.values()))


def _json_lines(path: Path) -> Iterator[Dict[str, Any]]:
    with open(path, encoding="utf-8") as stream:
        for number, line in enumerate(stream, start=1):
            try:
                yield json.loads(line)
            except ValueError as error:
                raise BadInput(f"{path} line {number} is not JSON; make the artifact again") from error


def _require_one_run(records: Records, paths: Mapping[str, Path]) -> None:
    """Refuse records of different runs: a card made of them would be wrong."""
    links = (
        ("features", records.features.raw_data, "raw_data"),
        ("checkpoint", records.checkpoint.features, "features"),
        ("checkpoint", records.checkpoint.base_model, "base_model"),
        ("evaluation", records.evaluation.checkpoint, "checkpoint"),
        ("evaluation", records.evaluation.features, "features"),
        ("verdict", records.verdict.evaluation, "evaluation"),
    )
    for later, digest, earlier in links:
        if digest != records.digests[earlier]:
            raise BadInput(
                f"{paths[later]} was made from another {earlier} than {paths[earlier]}; "
                f"its manifest names {digest[:12]}, this is {records.digests[earlier][:12]}"
            )
