"""How a card speaks of each task."""

from dataclasses import dataclass, replace
from typing import Dict, Tuple

from podtune.errors import BadInput
from podtune.formats.features import FeaturesFacts


@dataclass(frozen=True)
class TaskWords:
    """What a task's examples, rows and numbers are called, and what the Hub calls the task."""

    examples: str
    rows: str
    """As the examples, where a row is one."""

    hub: str
    """The Hub's name of the task, which is its pipeline_tag too."""

    title: str
    scoring: str
    """A sentence on how an example is scored; empty where the metrics' names say it."""

    loss: str
    """A sentence on what the loss is; {rows} is their count with its noun."""

    loss_in_short: str
    shares: Tuple[str, ...]
    """Metrics that are the share of examples that are right."""

    curves: Tuple[str, ...]
    """Metrics that are drawn over the steps."""

    truths: str
    """What an example's prediction is compared with."""

    parts: str
    """Heading of the metrics over parts of the examples."""


TASKS: Dict[str, TaskWords] = {
    "question-answering": TaskWords(
        examples="questions",
        rows="windows",
        hub="question-answering",
        title="Question Answering",
        scoring="",
        loss="The loss is the mean over their {rows}, without padding.",
        loss_in_short="mean over {rows}",
        shares=("exact_match",),
        curves=("exact_match", "f1"),
        truths="answers",
        parts="Where it is right",
    ),
    "visual-question-answering": TaskWords(
        examples="questions",
        rows="questions",
        hub="visual-question-answering",
        title="Visual Question Answering",
        scoring="An answer that at least three of the other people gave is wholly right; fewer make it right in part.",
        loss="The loss is the mean of the binary cross-entropies of all answers in the vocabulary, over the {rows}.",
        loss_in_short="binary cross-entropy, mean over answers and {rows}",
        shares=(),
        curves=("accuracy",),
        truths="answers",
        parts="Where it is right",
    ),
    "image-captioning": TaskWords(
        examples="images",
        rows="images",
        hub="image-to-text",
        title="Image Captioning",
        scoring="A caption is compared with all true ones of its image, in the words that the published metrics cut.",
        loss="The loss is the mean cross-entropy over the tokens of the learnt captions of the {rows}, the end of the "
        "text included and padding left out.",
        loss_in_short="cross-entropy, mean over tokens without padding",
        shares=(),
        curves=("cider", "bleu_4", "meteor", "rouge_l"),
        truths="true captions",
        parts="Where it does well",
    ),
}

NOTES = {
    "out_of_vocabulary": "examples whose true answers are all out of the vocabulary; they count as wrong",
    "padded_loss": "the loss as the published recipe counts it, with the padding after each caption",
}
"""What a number means that is recorded with an evaluation and is no metric."""


def words_of(features: FeaturesFacts) -> TaskWords:
    """How to speak of what was trained on these features; BadInput where that is not known."""
    if features.task not in TASKS:
        raise BadInput(f"write_card knows the tasks {', '.join(TASKS)}; the features are for {features.task!r}")
    words = TASKS[features.task]
    return _of_hard_labels(words) if features.settings.get("labels") == "hard" else words


def _of_hard_labels(words: TaskWords) -> TaskWords:
    """What is otherwise of visual questions that have one right answer, as GQA's."""
    return replace(
        words,
        scoring="An answer is right where it is the published one, letter by letter.",
        loss="The loss is the mean cross-entropy over those of the {rows} whose answer is in the vocabulary.",
        loss_in_short="cross-entropy, mean over questions in vocabulary",
        shares=("accuracy",),
    )
