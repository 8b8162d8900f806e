"""Questions as VQA v2 publishes them: one file of questions, one of what ten people answered to each."""

from typing import Any, Dict, List, Set, Tuple

from podtune.errors import BadInput
from podtune.formats.json_files import field, text
from podtune.steps.extract_lxmert.question_file import QuestionFile
from podtune.tasks.visual_question_answering.accuracy import soft_accuracy
from podtune.tasks.visual_question_answering.normalisation import clean, normalise
from podtune.tasks.visual_question_answering.questions import VisualQuestion


def is_vqa(document: Any) -> bool:
    """Whether a document has VQA's questions; GQA's ids are numbers."""
    return isinstance(document, dict) and isinstance(document.get("questions"), list)


def read_vqa_questions(questions: Any, annotations: Any, place: str, annotations_place: str) -> QuestionFile:
    """Join questions and answers by id; BadInput where either is without the other."""
    subtype = text(questions, "data_subtype", place)
    answered = _by_id(annotations, annotations_place)
    found: List[VisualQuestion] = []
    chosen: List[str] = []
    joined: Set[int] = set()
    for number, entry in enumerate(questions["questions"]):
        here = f"{place}: questions[{number}]"
        name = field(entry, "question_id", (int,), here)
        if name in joined:
            raise BadInput(f"{here} has the id {name}, which is given to an earlier one; ids must differ")
        if name not in answered:
            raise BadInput(f"{here} has the id {name}, which is not in {annotations_place}")
        joined.add(name)
        answer, there = answered[name]
        found.append(_question(entry, answer, subtype, here, there))
        chosen.append(normalise(clean(field(answer, "multiple_choice_answer", (str,), there))))
    for name in answered.keys() - joined:
        raise BadInput(
            f"{answered[name][1]} answers question {name}, which is not in {place}; they must be of the same split"
        )
    return QuestionFile(found, chosen)


def _by_id(document: Any, place: str) -> Dict[int, Tuple[Any, str]]:
    """Question id to its annotation and the annotation's place."""
    found: Dict[int, Tuple[Any, str]] = {}
    for number, entry in enumerate(field(document, "annotations", (list,), place)):
        here = f"{place}: annotations[{number}]"
        name = field(entry, "question_id", (int,), here)
        if name in found:
            raise BadInput(f"{here}: question {name} was answered by an earlier one; there must be one annotation each")
        found[name] = entry, here
    return found


def _question(entry: Any, answer: Any, subtype: str, place: str, answer_place: str) -> VisualQuestion:
    image = field(entry, "image_id", (int,), place)
    if field(answer, "image_id", (int,), answer_place) != image:
        raise BadInput(f"{answer_place} is of image {answer['image_id']}; {place}, the same question, of {image}")
    answers = tuple(
        field(person, "answer", (str,), f"{answer_place}: answers[{number}]")
        for number, person in enumerate(field(answer, "answers", (list,), answer_place))
    )
    if not answers:
        raise BadInput(f"{answer_place} has no answers; there must be one of every person asked")
    return VisualQuestion(
        id=str(entry["question_id"]),
        image=f"COCO_{subtype}_{image:012}",
        question=text(entry, "question", place),
        labels=soft_labels(answers),
        answers=answers,
        slices={key: text(answer, key, answer_place) for key in ("question_type", "answer_type")},
    )


def soft_labels(answers: Tuple[str, ...]) -> Dict[str, float]:
    """Each answer, as the official score reads it, to the accuracy that it gets; those that get none are left out."""
    said = [clean(answer) for answer in answers]
    if len(set(said)) > 1:
        said = [normalise(answer) for answer in said]
    scores = {answer: soft_accuracy(answer, answers) for answer in dict.fromkeys(said)}
    return {answer: score for answer, score in scores.items() if score > 0}
