"""Questions as GQA publishes them: one object, in which a question's key is its id."""

from typing import Any

from podtune.formats.json_files import field, of_kind, text
from podtune.steps.extract_lxmert.question_file import QuestionFile
from podtune.tasks.visual_question_answering.questions import VisualQuestion

_SLICES = ("structural", "semantic")


def read_gqa_questions(document: Any, place: str) -> QuestionFile:
    """Read all questions; ids stay texts, because some begin with zeros."""
    entries = of_kind(document, (dict,), place)
    questions = [_question(name, entry, f"{place}: question {name!r}") for name, entry in entries.items()]
    return QuestionFile(questions, [next(iter(question.labels)) for question in questions])


def _question(name: str, entry: Any, place: str) -> VisualQuestion:
    image, question = text(entry, "imageId", place), text(entry, "question", place)
    types = field(entry, "types", (dict,), place) if "types" in entry else {}
    slices = {key: text(types, key, f"{place}: types") for key in _SLICES if key in types}
    return VisualQuestion(name, image, question, {text(entry, "answer", place): 1.0}, (), slices)
