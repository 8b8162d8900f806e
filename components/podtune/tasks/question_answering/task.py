"""Extractive question answering, as tasks/task.py wants it."""

from typing import Any, Mapping

import numpy as np

from podtune.formats.features import Features
from podtune.tasks.question_answering.scores import score_windows
from podtune.tasks.question_answering.settings import EvaluationSettings
from podtune.tasks.question_answering.windows import QuestionWindows, open_windows
from podtune.tasks.task import Scored
from podtune.training.protocols import Objective

__all__ = ["EvaluationSettings", "objective", "open_examples", "score"]


def open_examples(features: Features, split: str) -> QuestionWindows:
    """Memory-map the windows of one split."""
    return open_windows(features.path, split)


def objective(features: Features, settings: Mapping[str, Any]) -> Objective:  # noqa: ARG001  # other tasks' depend on them
    """Mark the first and the last token of the answer."""
    from podtune.tasks.question_answering.objective import SpanObjective

    return SpanObjective()


def score(features: Features, split: str, outputs: Mapping[str, np.ndarray], settings: Mapping[str, Any]) -> Scored:
    """Turn start and end logits into answers, and score them by SQuAD's official definitions."""
    return score_windows(features.path, split, outputs, settings)
