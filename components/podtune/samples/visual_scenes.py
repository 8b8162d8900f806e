"""Generated pictures of things, without the pictures: what is in them, questions about them, and their regions.

A scene has things of one kind, which share a colour and a side of the picture. A tiny model with new weights does not
learn within the demo's time to find the kind that a question is about among several, or to miss it.

A region shows the things or background. Its features are small noise and three fixed patterns: for the kind, for the
colour and for the number. All values are whole 256ths, so that they are the same on every machine, and exact in
float16.
"""

import base64
from dataclasses import dataclass
from functools import lru_cache
from random import Random
from typing import List, Tuple

import numpy as np

from podtune.tasks.visual_question_answering.region_store import FEATURE_SIZE

ANIMALS = ("bird", "cat", "dog", "horse")
KINDS = ("ball", "bird", "boat", "cat", "chair", "dog", "horse", "kite")
COLORS = ("black", "blue", "gray", "green", "red", "white")
UNKNOWN_COLOR = "maroon"
"""Of one thing in the validation split, and of none in the training split: no vocabulary of answers has it."""

SIDES = ("left", "right")
COUNTS = (1, 2, 3)
FAMILIES = ("color", "presence", "count", "side")

QUESTIONS = {
    ("color", "one"): ("What color is the {}?", "What is the color of the {}?"),
    ("color", "several"): ("What color are the {}s?", "What is the color of the {}s?"),
    ("presence", "one"): ("Is there an {} in the picture?", "Do you see an {}?"),
    ("count", "several"): ("How many {}s are there?", "How many {}s do you see?"),
    ("side", "one"): ("Where is the {}?", "Is the {} on the left or on the right?"),
    ("side", "several"): ("Where are the {}s?", "Are the {}s on the left or on the right?"),
}
"""Family, and whether of one thing or of several, to the wordings."""


@dataclass(frozen=True)
class Things:
    """All things in a picture."""

    kind: str
    color: str
    count: int
    side: str


@dataclass(frozen=True)
class Scene:
    """What a picture shows."""

    width: int
    """Pixels."""

    height: int
    things: Things


@dataclass(frozen=True)
class SceneQuestion:
    """A question about a scene, and its true answer."""

    family: str
    """One of FAMILIES."""

    kind: str
    """Of the things; animal where the question is whether they are."""

    wording: str
    """The question with {} for the kind."""

    answer: str

    @property
    def text(self) -> str:
        """The question in full."""
        return self.wording.format(self.kind)


def draw_scene(random: Random) -> Scene:
    """Draw what a picture shows."""
    things = Things(random.choice(KINDS), random.choice(COLORS), random.choice(COUNTS), random.choice(SIDES))
    return Scene(random.choice((480, 500, 640)), random.choice((375, 427, 480)), things)


def questions_about(random: Random, scene: Scene, families: Tuple[str, ...]) -> List[SceneQuestion]:
    """Every question of these families, in every wording, in shuffled order."""
    questions = [question for family in families for question in _about(scene.things, family)]
    random.shuffle(questions)
    return questions


def _about(things: Things, family: str) -> List[SceneQuestion]:
    animal = "yes" if things.kind in ANIMALS else "no"
    answers = {"color": things.color, "presence": animal, "count": str(things.count), "side": things.side}
    number = {"presence": "one", "count": "several"}.get(family, "one" if things.count == 1 else "several")
    kind = "animal" if family == "presence" else things.kind
    return [SceneQuestion(family, kind, wording, answers[family]) for wording in QUESTIONS[family, number]]


REGIONS = 36
DETECTIONS = 24
"""Regions that show the things, each with a box of its own; the others show background."""

BACKGROUNDS = ("floor", "grass", "sky", "wall", "window")

_OBJECTS = KINDS + BACKGROUNDS
_ATTRIBUTES = (*COLORS, UNKNOWN_COLOR, "plain")
_MEMBERS = {"object": _OBJECTS, "attribute": _ATTRIBUTES, "number": COUNTS}
_ACTIVE = 16
"""Features that a pattern raises. Few, as everything else is near zero: one step of Adam moves every weight of the
projection by the learning rate, so that with many active features a step would replace what it projects to."""

_NOISY = 8
"""Of 256 features so many are not zero without a pattern."""


def regions_line(random: Random, name: str, scene: Scene) -> str:
    """One line of the TSV: ten fields, of which the arrays are in base64."""
    regions = _draw_regions(random, scene)
    count = len(regions)
    objects, attributes, numbers, boxes = (np.array(column) for column in zip(*regions))
    confidences = (np.arange(count, 0, -1, dtype=np.float32) + 20) / 64  # a detector's best regions come first
    noise = np.random.PCG64(random.getrandbits(64)).random_raw(count * FEATURE_SIZE // 8).astype("<u8").view(np.uint8)
    features = np.where(noise < _NOISY, noise, 0).reshape(count, FEATURE_SIZE).astype(np.float32) / 256
    features += _pattern("object")[objects] + _pattern("attribute")[attributes] + _pattern("number")[numbers]
    arrays = (objects, confidences, attributes, confidences, boxes, features)
    kinds = ("<i8", "<f4", "<i8", "<f4", "<f4", "<f4")
    encoded = [base64.b64encode(array.astype(kind).tobytes()).decode("ascii") for array, kind in zip(arrays, kinds)]
    fields = [name, str(scene.height), str(scene.width), *encoded[:4], str(count), *encoded[4:]]
    return "\t".join(fields) + "\n"


Region = Tuple[int, int, int, Tuple[float, float, float, float]]
"""Object, attribute, number less one, and box in pixels."""


def _draw_regions(random: Random, scene: Scene) -> List[Region]:
    """Many regions of the things, and background around them, in shuffled order."""
    things = scene.things
    seen = _OBJECTS.index(things.kind), _ATTRIBUTES.index(things.color), COUNTS.index(things.count)
    regions = [(*seen, _box(random, scene, things.side)) for _ in range(DETECTIONS)]
    while len(regions) < REGIONS:
        background = _OBJECTS.index(random.choice(BACKGROUNDS))
        regions.append((background, _ATTRIBUTES.index("plain"), 0, _box(random, scene, "anywhere")))
    random.shuffle(regions)
    return regions


def _box(random: Random, scene: Scene, side: str) -> Tuple[float, float, float, float]:
    """Draw a box on one side of the picture, or anywhere in it; on a grid of quarter pixels."""
    first, last = {"left": (0, scene.width // 2), "right": (scene.width // 2, scene.width)}.get(side, (0, scene.width))
    left, right = sorted(random.sample(range(4 * first, 4 * last + 1), 2))
    top, bottom = sorted(random.sample(range(4 * scene.height + 1), 2))
    return left / 4, top / 4, right / 4, bottom / 4


@lru_cache(maxsize=None)
def _pattern(role: str) -> np.ndarray:
    """float32 [members of the role, FEATURE_SIZE]: what each adds to a region's features, the same in every sample."""
    members, seed = _MEMBERS[role], 1 + list(_MEMBERS).index(role)
    draws = np.random.PCG64(seed).random_raw(len(members) * FEATURE_SIZE).reshape(len(members), FEATURE_SIZE)
    raised = np.argsort(draws, axis=1, kind="stable")[:, :_ACTIVE]
    patterns = np.zeros((len(members), FEATURE_SIZE), dtype=np.float32)
    np.put_along_axis(patterns, raised, np.float32(2.0), axis=1)
    return patterns
