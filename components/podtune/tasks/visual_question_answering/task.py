"""Visual question answering, on VQA and on GQA, as tasks/task.py wants it."""

from typing import Any, Mapping

import numpy as np

from podtune.formats.features import Features
from podtune.tasks.task import Scored
from podtune.tasks.visual_question_answering.questions import (
    VisualQuestions,
    are_labels_soft,
    open_questions,
    read_answers,
)
from podtune.tasks.visual_question_answering.scores import score_answers
from podtune.tasks.visual_question_answering.settings import EvaluationSettings
from podtune.training.protocols import Objective

__all__ = ["EvaluationSettings", "objective", "open_examples", "score"]


def open_examples(features: Features, split: str) -> VisualQuestions:
    """Memory-map the questions and regions of one split."""
    return open_questions(features.path, split, soft=are_labels_soft(features.facts))


def objective(features: Features, settings: Mapping[str, Any]) -> Objective:  # noqa: ARG001  # other tasks' depend on them
    """Choose one of the answers of the features' vocabulary."""
    from podtune.tasks.visual_question_answering.objective import LxmertObjective

    return LxmertObjective(read_answers(features.path), soft=are_labels_soft(features.facts))


def score(
    features: Features,
    split: str,
    outputs: Mapping[str, np.ndarray],
    settings: Mapping[str, Any],  # noqa: ARG001  # other tasks' depend on them
) -> Scored:
    """Score the answers that the model chose, by the official definitions of VQA or GQA."""
    return score_answers(features.path, split, outputs, soft=are_labels_soft(features.facts))
