"""Visual question answering, on VQA and on GQA: choose one of the answers of the features' vocabulary."""

from dataclasses import replace
from typing import Any, Mapping

from podtune.tasks.task import MetricRecord, Prediction, Sample, Task, TaskWords
from podtune.tasks.visual_question_answering.questions import are_labels_soft, open_questions
from podtune.tasks.visual_question_answering.scores import score_answers
from podtune.tasks.visual_question_answering.settings import EvaluationSettings, LxmertSettings

_WORDS = TaskWords(
    examples="questions",
    rows="questions",
    hub="visual-question-answering",
    title="Visual Question Answering",
    scoring="An answer is fully correct if at least three of the other annotators gave it, partly if fewer did.",
    loss="The loss is the mean binary cross-entropy over all answers in the vocabulary and all {rows}.",
    loss_in_short="binary cross-entropy, mean over answers and {rows}",
    curves=("accuracy",),
    truths="answers",
    text="question",
    source="image",
    answer="answer",
    duplicates="the question, whatever its case, white space and punctuation, and the image by its name and boxes",
)
_PUBLISHED_TOKENS = 512
"""To so many tokens the published runs padded every question."""


def _sample(kind: str) -> Sample:
    defaults = {"seed": "1", "train": "2000", "validation": "300"}
    return Sample("podtune.samples.visual:write_visual_questions", defaults, fixed={"kind": kind})


def _with_labels(task: Task, settings: Mapping[str, Any]) -> Task:
    """Adapt the record to questions that have one right answer, as GQA's have."""
    if settings.get("labels") != "hard":
        return task
    words = replace(
        task.words,
        scoring="An answer is correct if it matches the published one exactly.",
        loss="The loss is the mean cross-entropy over those of the {rows} whose answer is in the vocabulary.",
        loss_in_short="cross-entropy, mean over questions in vocabulary",
    )
    return replace(task, words=words, metrics={"accuracy": replace(task.metrics["accuracy"], is_share=True)})


TASK = Task(
    name="visual-question-answering",
    features=LxmertSettings,
    evaluation=EvaluationSettings,
    preparation="extract_lxmert",
    metrics={"accuracy": MetricRecord("Accuracy")},
    slices={"answer_type": ("yes/no", "number", "other"), "question_type": (), "structural": (), "semantic": ()},
    notes={"out_of_vocabulary": "questions with no true answer in the vocabulary; they count as wrong"},
    words=_WORDS,
    variant=_with_labels,
    bytes_an_image=lambda features: features.regions * (2048 * 2 + 4 * 4),  # float16 features, float32 boxes
    positions=lambda features: (features.max_length + features.regions, _PUBLISHED_TOKENS + features.regions),
    data_sets={"vqa": _sample("vqa"), "gqa": _sample("gqa")},
    models={"lxmert": Sample("podtune.samples.models:write_lxmert", {"seed": "1", "hidden": "64", "heads": "4"})},
    prediction=Prediction(
        does="answers a question about a picture",
        options=("question", "image", "detector", "draw", "regions", "image_id", "top"),
        architecture="LxmertForQuestionAnswering",
    ),
    model_types=("lxmert",),
    open_examples=lambda features, split: open_questions(features.path, split, soft=are_labels_soft(features.facts)),
    score=lambda features, split, outputs, _: score_answers(
        features.path, split, outputs, soft=are_labels_soft(features.facts)
    ),
)
