"""Generated pictures of one or two coloured shapes on a surface, without the pictures: what they show, what is said."""

from dataclasses import dataclass
from random import Random
from typing import List, Tuple

COLORS = ("red", "green", "blue", "yellow")
SHAPES = ("circle", "square", "triangle", "cross")
SURFACES = ("white table", "gray floor", "brown desk")

WORDINGS = {
    1: ("a {0} on a {1}", "there is a {0} on a {1}", "a {1} with a {0}"),
    2: (
        "a {0} to the left of a {1} on a {2}",
        "there is a {0} to the left of a {1} on a {2}",
        "a {1} to the right of a {0} on a {2}",
        "a {0} and a {1} on a {2}",
    ),
}
"""Shapes in a picture to what may be said of them, from left to right, and of the surface; the first is the usual."""

PRECANNED = "Quality issues are too severe to recognize visual content."
"""What people may choose instead of a caption, word for word as in VizWiz."""

REJECTED = ("nice", "i dont know", "see above")
"""What the data's makers do not take for a caption."""

_USUAL = 3
"""Chances of the usual wording, for one of every other."""


@dataclass(frozen=True)
class Thing:
    """A coloured shape."""

    color: str
    shape: str

    def __str__(self) -> str:
        return f"{self.color} {self.shape}"


@dataclass(frozen=True)
class Scene:
    """What a picture shows."""

    things: Tuple[Thing, ...]
    """From left to right."""

    surface: str
    has_text: bool
    """Whether there is a word in the picture, which no caption is about."""


def draw_scene(random: Random) -> Scene:
    """Draw two different things on a surface, or in one of four pictures a single one."""
    count = 1 if random.random() < 0.25 else 2
    every = [Thing(color, shape) for color in COLORS for shape in SHAPES]
    return Scene(tuple(random.sample(every, count)), random.choice(SURFACES), random.random() < 0.3)


def caption(random: Random, scene: Scene) -> str:
    """What somebody says of the picture, as a sentence with a full stop or without."""
    usual, *others = WORDINGS[len(scene.things)]
    wording = random.choice([usual] * _USUAL + others)
    text = wording.format(*scene.things, scene.surface)
    return text if random.random() < 0.5 else f"{text[0].upper()}{text[1:]}."


def sample_words() -> List[str]:
    """Every word and mark of the captions that are used, in the order of the alphabet."""
    fillings = (*COLORS, *SHAPES, *SURFACES)
    wordings = [wording.format("", "", "") for of_count in WORDINGS.values() for wording in of_count]
    words = {word for text in (*fillings, *wordings) for word in text.split()}
    return sorted({*words, *(wording.split()[0].capitalize() for wording in wordings), "."})
