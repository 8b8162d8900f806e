"""Generated questions as GQA publishes them: one object with the questions by their ids."""

from typing import Any, Dict, List, Sequence, Tuple

from podtune.samples.visual_scenes import Asked

GQA_FAMILIES = ("color", "presence", "side")

_TYPES = {
    "color": ("query", "attr", "directOf", "query", "color"),
    "presence": ("verify", "obj", "exist", "exist", "?"),
    "side": ("choose", "attr", "positionChoose", "choose hposition", "left|right"),
}
"""Structural, semantic and detailed type; the last operation and its argument."""


def gqa_image(split: str, image: int) -> Tuple[str, str]:
    """The id of a split's image in the questions, and its name in the TSV, which is the same."""
    name = str(2354786 + image) if split == "train" else f"n{161313 + 11 * image}"
    return name, name


def gqa_documents(split: str, images: Sequence[Sequence[Asked]]) -> Dict[str, Any]:
    """Role to document; `images` has the questions of each. Some ids begin with zeros, as the published ones do."""
    questions: Dict[str, Any] = {}
    for image, asked_of_image in enumerate(images):
        for asked in asked_of_image:
            name = _question_id(split, len(questions))
            questions[name] = _question(name, gqa_image(split, image)[0], asked)
    return {"questions": questions}


def _question_id(split: str, number: int) -> str:
    """Even numbers below 10,000,000 and above in the one split, odd ones in the other."""
    return f"{9_700_000 + 1500 * number:08}" if split == "train" else f"{9_990_001 + 138 * number:08}"


def _question(name: str, image: str, asked: Asked) -> Dict[str, Any]:
    structural, semantic, detailed, operation, argument = _TYPES[asked.family]
    thing = str(sum(map(ord, asked.kind)) + 270_000)
    missing = asked.answer == "no"
    steps: List[Dict[str, Any]] = [
        {"operation": "select", "argument": f"{asked.kind} ({'-' if missing else thing})", "dependencies": []},
        {"operation": operation, "argument": argument, "dependencies": [0]},
    ]
    place = {} if missing else {str(asked.wording.split().index(_place_of_kind(asked))): thing}
    return {
        "imageId": image,
        "question": asked.question,
        "answer": asked.answer,
        "fullAnswer": _full_answer(asked),
        "isBalanced": True,
        "groups": {"global": asked.family, "local": f"{len(asked.kind):02}-{asked.kind}_{asked.family}"},
        "entailed": [],
        "equivalent": [name],
        "types": {"structural": structural, "semantic": semantic, "detailed": detailed},
        "semantic": steps,
        "semanticStr": f"{steps[0]['operation']}: {steps[0]['argument']}->{operation}: {argument} [0]",
        "annotations": {"question": place, "answer": {}, "fullAnswer": {}},
    }


def _place_of_kind(asked: Asked) -> str:
    return next(word for word in asked.wording.split() if "{}" in word)


def _full_answer(asked: Asked) -> str:
    if asked.family == "presence":
        return f"Yes, there is an {asked.kind}." if asked.answer == "yes" else f"No, there is no {asked.kind}."
    return f"It is {asked.answer}." if asked.family == "color" else f"It is on the {asked.answer}."
