"""The records of one run, opened and verified to belong together."""

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Mapping, Sequence, Tuple

from PIL import Image

from podtune.errors import BadInput
from podtune.formats.artifact import Artifact
from podtune.formats.base_model import BASE_MODEL, BaseModelFacts
from podtune.formats.checkpoint import CHECKPOINT, CheckpointFacts, TrainingLog, lines_by_kind, read_log
from podtune.formats.evaluation import EVALUATION, Evaluation, EvaluationFacts, read_examples
from podtune.formats.features import FEATURES, Features, FeaturesFacts
from podtune.formats.raw_data import RAW_DATA, RawDataFacts
from podtune.formats.verdict import VERDICT, VerdictFacts
from podtune.tasks.task import metric_named, task_named

_LARGEST = 224
"""Pixels of the longer side."""

_QUALITY = 80


@dataclass(frozen=True)
class Records:
    """Everything that a run recorded."""

    raw_data: RawDataFacts
    base_model: BaseModelFacts
    features: FeaturesFacts
    checkpoint: CheckpointFacts
    evaluation: EvaluationFacts
    verdict: VerdictFacts
    digests: Dict[str, str]
    """By the artifact's name."""

    log: TrainingLog
    worst: List[Dict[str, Any]]
    """Scored examples with the lowest values of the gate's metric."""

    pictures: List[bytes]
    """JPEG images of the worst examples; empty where examples have none."""


def open_records(paths: Mapping[str, Path], worst: int) -> Records:
    """Open and verify the six artifacts, and read that many of the worst examples.

    BadInput if one was not made from the others.
    """
    raw_data, base_model = RAW_DATA.open(paths["raw_data"]), BASE_MODEL.open(paths["base_model"])
    features, checkpoint = FEATURES.open(paths["features"]), CHECKPOINT.open(paths["checkpoint"])
    evaluation, verdict = EVALUATION.open(paths["evaluation"]), VERDICT.open(paths["verdict"])
    artifacts: List[Artifact[Any]] = [raw_data, base_model, features, checkpoint, evaluation, verdict]
    opened = dict(zip(("raw_data", "base_model", "features", "checkpoint", "evaluation", "verdict"), artifacts))
    _require_one_run(opened)
    metric = str(verdict.facts.settings.get("metric", ""))
    rows, examples = worst_examples(evaluation, metric, worst)
    return Records(
        **{name: artifact.facts for name, artifact in opened.items()},
        digests={name: artifact.digest for name, artifact in opened.items()},
        log=lines_by_kind(read_log(checkpoint.path)),
        worst=examples,
        pictures=pictures_of(features, evaluation.facts.split, rows),
    )


def worst_examples(evaluation: Evaluation, metric: str, count: int) -> Tuple[List[int], List[Dict[str, Any]]]:
    """Select rows and examples below the metric's maximum: the lowest first, and of these the most confident."""
    examples = list(read_examples(evaluation))
    values = [example["scores"] for example in examples]
    scores = [of_one[metric] if metric in of_one else next(iter(of_one.values())) for of_one in values]
    most = metric_named(metric).highest
    rows = [row for row, score in enumerate(scores) if score < most]
    rows.sort(key=lambda row: (scores[row], -examples[row].get("probability", 0.0)))
    return rows[:count], [examples[row] for row in rows[:count]]


def pictures_of(features: Features, split: str, rows: Sequence[int]) -> List[bytes]:
    """Encode the images of some rows of a split as JPEG; empty for a task whose examples have none."""
    open_images = task_named(features.facts.task).images
    if open_images is None:
        return []
    images = open_images(features, split)
    return [_jpeg(Image.fromarray(images[row])) for row in rows]


def _require_one_run(opened: Mapping[str, Artifact[Any]]) -> None:
    links = (
        ("features", "raw_data"),
        ("checkpoint", "features"),
        ("checkpoint", "base_model"),
        ("evaluation", "checkpoint"),
        ("evaluation", "features"),
        ("verdict", "evaluation"),
    )
    for later, earlier in links:
        digest: str = getattr(opened[later].facts, earlier)
        if digest != opened[earlier].digest:
            raise BadInput(
                f"{opened[later].path} was made from another {earlier} than {opened[earlier].path}; "
                f"its manifest names {digest[:12]}, this is {opened[earlier].digest[:12]}"
            )


def _jpeg(image: Image.Image) -> bytes:
    image.thumbnail((_LARGEST, _LARGEST))
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=_QUALITY, optimize=True)
    return stream.getvalue()
