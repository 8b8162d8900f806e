"""Generated questions as VQA v2 publishes them: one document of questions, one of what ten people answered."""

from random import Random
from typing import Any, Dict, List, Sequence, Tuple

from podtune.samples.visual_scenes import (
    COLORS,
    COUNTS,
    FAMILIES,
    SIDES,
    UNKNOWN_COLOR,
    Asked,
)

VQA_FAMILIES = FAMILIES
PEOPLE = 10

_SUBTYPES = {"train": "train2014", "validation": "val2014"}
_FIRST_IMAGE = {"train": 458752, "validation": 262148}
_QUESTION_TYPES = (
    "what color is the",
    "what color are the",
    "what is the color of the",
    "is there a",
    "do you",
    "how many",
    "where is the",
    "where are the",
    "is the",
    "are the",
)
"""Of the published 65, the first that a question begins with is its type."""

_ANSWER_TYPES = {"presence": "yes/no", "count": "number", "color": "other", "side": "other"}
_DISSENT = {
    "presence": ("yes", "no"),
    "count": tuple(str(count) for count in COUNTS),
    "color": (*COLORS, "dark", "light"),
    "side": (*SIDES, "middle"),
}
"""What those say who do not see it right."""

_SPELLINGS = {"1": "one", "2": "two", "3": "three", "gray": "Gray.", "left": "the left", "right": "the right"}
"""The official rules make these the same answer, in a question on which people differ."""


def vqa_image(split: str, image: int) -> Tuple[int, str]:
    """The id of a split's image in the questions, and its name in the TSV."""
    number = _FIRST_IMAGE[split] + 7 * image
    return number, f"COCO_{_SUBTYPES[split]}_{number:012}"


def vqa_documents(random: Random, split: str, images: Sequence[Sequence[Asked]]) -> Dict[str, Any]:
    """Role to document; `images` has the questions of each."""
    described = {
        "info": {"description": "Generated questions in the format of VQA v2.", "version": "2.0"},
        "data_type": "mscoco",
        "data_subtype": _SUBTYPES[split],
        "license": {"name": "Generated, free of rights", "url": ""},
    }
    questions: List[Dict[str, Any]] = []
    annotations: List[Dict[str, Any]] = []
    for image, questions_of_image in enumerate(images):
        number = vqa_image(split, image)[0]
        for place, asked in enumerate(questions_of_image):
            ids = {"image_id": number, "question_id": 1000 * number + place}
            questions.append({**ids, "question": asked.question})
            annotations.append({**ids, **_annotation(random, asked)})
    return {
        "questions": {**described, "task_type": "Open-Ended", "questions": questions},
        "annotations": {**described, "annotations": annotations},
    }


def _annotation(random: Random, asked: Asked) -> Dict[str, Any]:
    return {
        "question_type": next(kind for kind in _QUESTION_TYPES if asked.question.lower().startswith(kind)),
        "answer_type": _ANSWER_TYPES[asked.family],
        "multiple_choice_answer": asked.answer,
        "answers": [
            {"answer": answer, "answer_confidence": random.choice(("yes", "yes", "maybe")), "answer_id": number}
            for number, answer in enumerate(_answers(random, asked), start=1)
        ],
    }


def _answers(random: Random, asked: Asked) -> List[str]:
    """What ten people say: seven or more of them the truth, some of these in other words where not all agree."""
    wrong = [other for other in _DISSENT[asked.family] if other != asked.answer]
    dissenters = 0 if asked.answer == UNKNOWN_COLOR else random.choice((0, 0, 0, 1, 2, 3))
    answers = [random.choice(wrong) for _ in range(dissenters)]
    if dissenters and asked.answer in _SPELLINGS:
        answers.append(_SPELLINGS[asked.answer])
    answers += [asked.answer] * (PEOPLE - len(answers))
    random.shuffle(answers)
    return answers
