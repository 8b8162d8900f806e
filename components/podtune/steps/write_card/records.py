"""The records of one run, opened and verified to belong together."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Mapping

from podtune.errors import BadInput
from podtune.formats.artifact import Artifact
from podtune.formats.base_model import BASE_MODEL, BaseModelFacts
from podtune.formats.checkpoint import CHECKPOINT, CheckpointFacts, TrainingLog, lines_by_kind, read_log
from podtune.formats.evaluation import EVALUATION, EvaluationFacts
from podtune.formats.facts import open_facts
from podtune.formats.features import FEATURES, FeaturesFacts
from podtune.formats.raw_data import RAW_DATA, RawDataFacts
from podtune.formats.sealed import FileEntry
from podtune.formats.verdict import VERDICT, VerdictFacts
from podtune.steps.write_card.examples import Examples, shown_examples


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

    files: Dict[str, Mapping[str, FileEntry]]
    """By the artifact's name: its files."""

    log: TrainingLog
    examples: Examples


def open_records(paths: Mapping[str, Path]) -> Records:
    """Open and verify the facts of four artifacts, the Evaluation and the Verdict, and read the examples to show.

    BadInput unless they are of one run.
    """
    raw_data, base_model = open_facts(RAW_DATA, paths["raw_data"]), open_facts(BASE_MODEL, paths["base_model"])
    features, checkpoint = open_facts(FEATURES, paths["features"]), open_facts(CHECKPOINT, paths["checkpoint"])
    evaluation, verdict = EVALUATION.open(paths["evaluation"]), VERDICT.open(paths["verdict"])
    artifacts: List[Artifact[Any]] = [raw_data, base_model, features, checkpoint, evaluation, verdict]
    opened = dict(zip(("raw_data", "base_model", "features", "checkpoint", "evaluation", "verdict"), artifacts))
    _require_one_run(opened)
    return Records(
        **{name: artifact.facts for name, artifact in opened.items()},
        digests={name: artifact.digest for name, artifact in opened.items()},
        files={name: artifact.files for name, artifact in opened.items()},
        log=lines_by_kind(read_log(checkpoint.path)),
        examples=shown_examples(features, evaluation, verdict.facts),
    )


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
