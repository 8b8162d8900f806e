"""Extractive question answering: mark the first and the last token of the answer."""

from podtune.tasks.question_answering.model_types import MODEL_TYPES
from podtune.tasks.question_answering.passages import passages_of
from podtune.tasks.question_answering.questions import CONTEXTS, QUESTION_CONTEXT, QUESTIONS
from podtune.tasks.question_answering.scores import SLICES, score_windows
from podtune.tasks.question_answering.settings import EvaluationSettings, WindowSettings
from podtune.tasks.question_answering.windows import open_windows
from podtune.tasks.task import MetricRecord, Prediction, Sample, Task, TaskWords

TASK = Task(
    name="question-answering",
    features=WindowSettings,
    evaluation=EvaluationSettings,
    preparation="tokenize_squad",
    metrics={"exact_match": MetricRecord("Exact match", is_share=True), "f1": MetricRecord("F1")},
    slices=SLICES,
    features_a_byte=10.0,  # tokens, windows and offsets; of packed Parquet
    shown=(QUESTIONS, CONTEXTS, f"{QUESTION_CONTEXT}.npy"),
    words=TaskWords(
        examples="questions",
        rows="windows",
        hub="question-answering",
        title="Question Answering",
        scoring="",
        loss="The loss is the mean over their {rows}, padding excluded.",
        loss_in_short="mean over {rows}",
        curves=("exact_match", "f1"),
        truths="answers",
        text="question",
        source="context",
        answer="answer",
        duplicates="question and context, whatever their case, white space and punctuation",
    ),
    data_sets={
        "squad": Sample(
            "podtune.samples.squad:write_squad",
            {"seed": "1", "train": "4000", "validation": "500", "version": "1.1"},
            choices={"version": ("1.1", "2.0")},
        )
    },
    models={
        "bert": Sample("podtune.samples.models:write_bert", {"seed": "1", "layers": "2", "hidden": "128", "heads": "2"})
    },
    prediction=Prediction(
        does="answers a question from a text",
        options=("question", "context", "context_file", "allow_no_answer", "top"),
        architecture="ForQuestionAnswering",
    ),
    model_types=tuple(MODEL_TYPES),
    ipu_model_types=tuple(name for name, one in MODEL_TYPES.items() if one.on_ipus),
    passages=passages_of,
    open_examples=lambda features, split: open_windows(features.path, split),
    score=lambda features, *scored: score_windows(features.path, *scored),
)
