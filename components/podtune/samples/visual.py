"""A generated data set in VQA v2's or GQA's format: real in form, learnable in a minute, the same for the same seed.

Regions stand in LXMERT's TSV. Questions ask for the colour, the side or the number of things, or whether they are
animals. The validation split's pictures were not seen in training; in its first one the things have a colour that no
vocabulary of answers has.
"""

import json
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any, Dict, Iterator, List, Sequence, Tuple

from podtune.samples import visual_scenes
from podtune.samples.visual_scenes import COLORS, COUNTS, SIDES, UNKNOWN_COLOR, Scene, SceneQuestion

QUESTIONS_AN_IMAGE = 6
PEOPLE = 10

_SUBTYPES = {"train": "train2014", "validation": "val2014"}
_FIRST_IMAGE = {"train": 458752, "validation": 262148}
_QUESTION_TYPES = (  # noqa: SIM905  # one a line would fill a page
    "what color is the, what color are the, what is the color of the, is there a, do you, how many, where is the, "
    "where are the, is the, are the"
).split(", ")
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

GQA_FAMILIES = ("color", "presence", "side")

_TYPES = {
    "color": ("query", "attr", "directOf", "query", "color"),
    "presence": ("verify", "obj", "exist", "exist", "?"),
    "side": ("choose", "attr", "positionChoose", "choose hposition", "left|right"),
}
"""Structural, semantic and detailed type; the last operation and its argument."""


def write_visual_questions(directory: Path, seed: int, train: int, validation: int, kind: str) -> Dict[str, str]:
    """Write so many questions a split, six an image; `kind` is vqa or gqa. Return RawData's names of the files."""
    directory.mkdir(parents=True, exist_ok=True)
    files: Dict[str, str] = {}
    for split, questions in (("train", train), ("validation", validation)):
        random = Random(f"{seed}/{kind}/{split}")
        images = list(_images(random, split, questions, kind))
        of_scenes = [of_scene for _, of_scene in images]
        documents = vqa_documents(random, split, of_scenes) if kind == "vqa" else gqa_documents(split, of_scenes)
        for role, document in documents.items():
            files[f"{split}.{role}"] = f"{split}.{role}.json"
            text = json.dumps(document, ensure_ascii=False)
            (directory / f"{split}.{role}.json").write_text(text + "\n", encoding="utf-8")
        files[f"{split}.features"] = f"{split}.features.tsv"
        _write_regions(directory / f"{split}.features.tsv", random, split, [scene for scene, _ in images], kind)
    return files


def _images(random: Random, split: str, questions: int, kind: str) -> Iterator[Tuple[Scene, List[SceneQuestion]]]:
    """Scenes with their questions, so many in all."""
    families = visual_scenes.FAMILIES if kind == "vqa" else GQA_FAMILIES
    for first in range(0, questions, QUESTIONS_AN_IMAGE):
        scene = visual_scenes.draw_scene(random)
        if split == "validation" and not first:
            scene = replace(scene, things=replace(scene.things, color=UNKNOWN_COLOR))
        of_scene = visual_scenes.questions_about(random, scene, families)
        of_scene.sort(key=lambda one: one.answer != UNKNOWN_COLOR)  # so that a small sample has it too
        yield scene, of_scene[: min(questions - first, QUESTIONS_AN_IMAGE)]


def _write_regions(path: Path, random: Random, split: str, scenes: List[Scene], kind: str) -> None:
    name_image = vqa_image if kind == "vqa" else gqa_image
    with path.open("w", encoding="ascii", newline="\n") as lines:
        for image, scene in enumerate(scenes):
            lines.write(visual_scenes.regions_line(random, name_image(split, image)[1], scene))


def vqa_image(split: str, image: int) -> Tuple[int, str]:
    """The id of a split's image in the questions, and its name in the TSV."""
    number = _FIRST_IMAGE[split] + 7 * image
    return number, f"COCO_{_SUBTYPES[split]}_{number:012}"


def vqa_documents(random: Random, split: str, images: Sequence[Sequence[SceneQuestion]]) -> Dict[str, Any]:
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
        for index, question in enumerate(questions_of_image):
            ids = {"image_id": number, "question_id": 1000 * number + index}
            questions.append({**ids, "question": question.text})
            annotations.append({**ids, **_annotation(random, question)})
    return {
        "questions": {**described, "task_type": "Open-Ended", "questions": questions},
        "annotations": {**described, "annotations": annotations},
    }


def _annotation(random: Random, question: SceneQuestion) -> Dict[str, Any]:
    return {
        "question_type": next(kind for kind in _QUESTION_TYPES if question.text.lower().startswith(kind)),
        "answer_type": _ANSWER_TYPES[question.family],
        "multiple_choice_answer": question.answer,
        "answers": [
            {"answer": answer, "answer_confidence": random.choice(("yes", "yes", "maybe")), "answer_id": number}
            for number, answer in enumerate(_answers(random, question), start=1)
        ],
    }


def _answers(random: Random, question: SceneQuestion) -> List[str]:
    """What ten people say: seven or more of them the truth, some of these in other words where not all agree."""
    wrong = [other for other in _DISSENT[question.family] if other != question.answer]
    dissenters = 0 if question.answer == UNKNOWN_COLOR else random.choice((0, 0, 0, 1, 2, 3))
    answers = [random.choice(wrong) for _ in range(dissenters)]
    if dissenters and question.answer in _SPELLINGS:
        answers.append(_SPELLINGS[question.answer])
    answers += [question.answer] * (PEOPLE - len(answers))
    random.shuffle(answers)
    return answers


def gqa_image(split: str, image: int) -> Tuple[str, str]:
    """The id of a split's image in the questions, and its name in the TSV, which is the same."""
    name = str(2354786 + image) if split == "train" else f"n{161313 + 11 * image}"
    return name, name


def gqa_documents(split: str, images: Sequence[Sequence[SceneQuestion]]) -> Dict[str, Any]:
    """Role to document; `images` has the questions of each. Some ids begin with zeros, as the published ones do."""
    questions: Dict[str, Any] = {}
    for image, of_image in enumerate(images):
        for question in of_image:
            number = len(questions)
            name = f"{9_700_000 + 1500 * number:08}" if split == "train" else f"{9_990_001 + 138 * number:08}"
            questions[name] = _question(name, gqa_image(split, image)[0], question)
    return {"questions": questions}


def _question(name: str, image: str, question: SceneQuestion) -> Dict[str, Any]:
    structural, semantic, detailed, operation, argument = _TYPES[question.family]
    thing = str(sum(map(ord, question.kind)) + 270_000)
    missing = question.answer == "no"
    steps: List[Dict[str, Any]] = [
        {"operation": "select", "argument": f"{question.kind} ({'-' if missing else thing})", "dependencies": []},
        {"operation": operation, "argument": argument, "dependencies": [0]},
    ]
    named = next(index for index, word in enumerate(question.wording.split()) if "{}" in word)
    return {
        "imageId": image,
        "question": question.text,
        "answer": question.answer,
        "fullAnswer": _full_answer(question),
        "isBalanced": True,
        "groups": {"global": question.family, "local": f"{len(question.kind):02}-{question.kind}_{question.family}"},
        "entailed": [],
        "equivalent": [name],
        "types": {"structural": structural, "semantic": semantic, "detailed": detailed},
        "semantic": steps,
        "semanticStr": f"{steps[0]['operation']}: {steps[0]['argument']}->{operation}: {argument} [0]",
        "annotations": {"question": {} if missing else {str(named): thing}, "answer": {}, "fullAnswer": {}},
    }


def _full_answer(question: SceneQuestion) -> str:
    if question.family == "presence":
        return f"Yes, there is an {question.kind}." if question.answer == "yes" else f"No, there is no {question.kind}."
    return f"It is {question.answer}." if question.family == "color" else f"It is on the {question.answer}."
