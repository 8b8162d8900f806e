"""Questions as LXMERT's authors publish them, of VQA and of GQA: a list, with the labels that a model learns."""

from typing import Any, Dict, List

from podtune.errors import BadInput
from podtune.formats.json_files import field, of_kind, text
from podtune.steps.extract_lxmert.question_file import QuestionFile, most_right
from podtune.tasks.visual_question_answering.questions import VisualQuestion

_SLICES = ("question_type", "answer_type")


def read_lxmert_questions(document: List[Any], place: str) -> QuestionFile:
    """Read all entries; a label without any answer is one whose answers all are out of vocabulary."""
    questions = [_question(entry, f"{place}: entry {number}") for number, entry in enumerate(document)]
    return QuestionFile(questions, [most_right(question.labels) for question in questions])


def _question(entry: Any, place: str) -> VisualQuestion:
    slices = {key: text(entry, key, place) for key in _SLICES if isinstance(entry, dict) and key in entry}
    return VisualQuestion(
        id=str(field(entry, "question_id", (str, int), place)),
        image=text(entry, "img_id", place),
        question=text(entry, "sent", place),
        labels=_labels(entry, place),
        answers=(),
        slices=slices,
    )


def _labels(entry: Any, place: str) -> Dict[str, float]:
    labels = field(entry, "label", (dict,), place)
    for answer, weight in labels.items():
        of_kind(weight, (float, int), f"{place}: the weight of {answer!r}")
        if not 0 < weight <= 1:
            raise BadInput(f"{place}: the weight of {answer!r} must be above 0 and at most 1; got {weight}")
    return {answer: float(weight) for answer, weight in labels.items()}
