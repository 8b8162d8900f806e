"""A generated data set in VQA v2's or GQA's format: real in form, learnable in a minute, the same for the same seed.

Regions stand in LXMERT's TSV (`sample_regions.py`). Questions ask for the colour, the side or the number of things,
or whether they are animals (`sample_scenes.py`). The validation split's pictures were not seen in training; in its
first one the things have a colour that no vocabulary of answers has.
"""

import json
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any, Dict, Iterator, List, Tuple

from podtune.samples.gqa import GQA_FAMILIES, gqa_documents, gqa_image
from podtune.samples.visual_regions import regions_line
from podtune.samples.visual_scenes import UNKNOWN_COLOR, Asked, Scene, ask, draw_scene
from podtune.samples.vqa import VQA_FAMILIES, vqa_documents, vqa_image

QUESTIONS_AN_IMAGE = 6
KINDS = ("vqa", "gqa")


def write_sample(directory: Path, seed: int, train: int, validation: int, kind: str) -> Dict[str, str]:
    """Write so many questions a split, six an image; `kind` is vqa or gqa. Return RawData's names of the files."""
    directory.mkdir(parents=True, exist_ok=True)
    files: Dict[str, str] = {}
    for split, questions in (("train", train), ("validation", validation)):
        random = Random(f"{seed}/{kind}/{split}")
        images = list(_images(random, split, questions, kind))
        for role, document in _documents(random, split, [asked for _, asked in images], kind).items():
            files[f"{split}.{role}"] = f"{split}.{role}.json"
            text = json.dumps(document, ensure_ascii=False)
            (directory / f"{split}.{role}.json").write_text(text + "\n", encoding="utf-8")
        files[f"{split}.features"] = f"{split}.features.tsv"
        _write_regions(directory / f"{split}.features.tsv", random, split, [scene for scene, _ in images], kind)
    return files


def _images(random: Random, split: str, questions: int, kind: str) -> Iterator[Tuple[Scene, List[Asked]]]:
    """Scenes with their questions, so many in all."""
    families = VQA_FAMILIES if kind == "vqa" else GQA_FAMILIES
    for first in range(0, questions, QUESTIONS_AN_IMAGE):
        scene = draw_scene(random)
        if split == "validation" and not first:
            scene = _with_unknown_color(scene)
        asked = ask(random, scene, families)
        asked.sort(key=lambda one: one.answer != UNKNOWN_COLOR)  # so that a small sample has it too
        yield scene, asked[: min(questions - first, QUESTIONS_AN_IMAGE)]


def _with_unknown_color(scene: Scene) -> Scene:
    return replace(scene, things=replace(scene.things, color=UNKNOWN_COLOR))


def _documents(random: Random, split: str, images: List[List[Asked]], kind: str) -> Dict[str, Any]:
    return vqa_documents(random, split, images) if kind == "vqa" else gqa_documents(split, images)


def _write_regions(path: Path, random: Random, split: str, scenes: List[Scene], kind: str) -> None:
    name_image = vqa_image if kind == "vqa" else gqa_image
    with path.open("w", encoding="ascii", newline="\n") as lines:
        for image, scene in enumerate(scenes):
            lines.write(regions_line(random, name_image(split, image)[1], scene))
