"""The regions of a generated picture, as a detector would have described them, in LXMERT's TSV.

A region's features are small noise, plus one fixed pattern for the kind of the thing and one for its colour. All values
are whole 256ths, so that they are the same on every machine, and exact in float16.
"""

import base64
from functools import lru_cache
from random import Random
from typing import List, Tuple

import numpy as np

from podtune.tasks.visual_question_answering.sample_scenes import COLORS, KINDS, UNKNOWN_COLOR, Scene

REGIONS = 36
FEATURES = 2048
BACKGROUNDS = ("floor", "grass", "sky", "wall", "window")

_OBJECTS = KINDS + BACKGROUNDS
_ATTRIBUTES = (*COLORS, UNKNOWN_COLOR)
_ACTIVE = 128
"""Features that a pattern raises."""


def regions_line(random: Random, name: str, scene: Scene) -> str:
    """One line of the TSV: ten fields, of which the arrays are in base64."""
    regions = _draw_regions(random, scene)
    count = len(regions)
    objects, attributes, boxes = (np.array(column) for column in zip(*regions))
    confidences = (np.arange(count, 0, -1, dtype=np.float32) + 20) / 64  # a detector's best regions come first
    noise = np.random.PCG64(random.getrandbits(64)).random_raw(count * FEATURES // 8).astype("<u8").view(np.uint8)
    features = (noise.reshape(count, FEATURES) >> 1).astype(np.float32) / 256
    features += _pattern("object")[objects] + _pattern("attribute")[attributes]
    arrays = (
        objects.astype("<i8"),
        confidences.astype("<f4"),
        attributes.astype("<i8"),
        confidences.astype("<f4"),
        boxes.astype("<f4"),
        features.astype("<f4"),
    )
    encoded = [base64.b64encode(array.tobytes()).decode("ascii") for array in arrays]
    fields = [name, str(scene.height), str(scene.width), *encoded[:4], str(count), *encoded[4:]]
    return "\t".join(fields) + "\n"


Region = Tuple[int, int, Tuple[float, float, float, float]]
"""Object, attribute, and box in pixels."""


def _draw_regions(random: Random, scene: Scene) -> List[Region]:
    """One region for each thing, and background around them, in shuffled order."""
    regions = [
        (_OBJECTS.index(things.kind), _ATTRIBUTES.index(things.color), _box(random, scene, things.side))
        for things in scene.things
        for _ in range(things.count)
    ]
    while len(regions) < REGIONS:
        background = _OBJECTS.index(random.choice(BACKGROUNDS))
        regions.append((background, random.randrange(len(COLORS)), _box(random, scene, "anywhere")))
    random.shuffle(regions)
    return regions


def _box(random: Random, scene: Scene, side: str) -> Tuple[float, float, float, float]:
    """Draw a box wholly on one side of the picture, or anywhere in it; on a grid of quarter pixels."""
    first, last = {"left": (0, scene.width // 2), "right": (scene.width // 2, scene.width)}.get(side, (0, scene.width))
    left, right = sorted(random.sample(range(4 * first, 4 * last + 1), 2))
    top, bottom = sorted(random.sample(range(4 * scene.height + 1), 2))
    return left / 4, top / 4, right / 4, bottom / 4


@lru_cache(maxsize=None)
def _pattern(role: str) -> np.ndarray:
    """float32 [members of the role, FEATURES]: what each adds to a region's features, the same in every sample."""
    members = _OBJECTS if role == "object" else _ATTRIBUTES
    seed = 1 if role == "object" else 2
    draws = np.random.PCG64(seed).random_raw(len(members) * FEATURES).reshape(len(members), FEATURES)
    raised = np.argsort(draws, axis=1, kind="stable")[:, :_ACTIVE]
    patterns = np.zeros((len(members), FEATURES), dtype=np.float32)
    np.put_along_axis(patterns, raised, np.float32(2.0), axis=1)
    return patterns
