"""Generated pictures of things, without the pictures: what is in them, and what may be asked about them.

A scene has things of one kind, which share a colour and a side of the picture. To find the kind that is asked about,
among several or against the one that is there, is not learnt by a tiny model from new weights within the demo's time.
"""

from dataclasses import dataclass
from random import Random
from typing import List, Tuple

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
"""What is asked for, of one thing or of several, to the wordings."""


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
class Asked:
    """A question about a scene, and its true answer."""

    family: str
    """What is asked for: one of FAMILIES."""

    kind: str
    """Of the things; animal where it is asked whether they are."""

    wording: str
    """The question with {} for the kind."""

    answer: str

    @property
    def question(self) -> str:
        """The whole question."""
        return self.wording.format(self.kind)


def draw_scene(random: Random) -> Scene:
    """Draw what a picture shows."""
    things = Things(random.choice(KINDS), random.choice(COLORS), random.choice(COUNTS), random.choice(SIDES))
    return Scene(random.choice((480, 500, 640)), random.choice((375, 427, 480)), things)


def ask(random: Random, scene: Scene, families: Tuple[str, ...]) -> List[Asked]:
    """Ask for everything of these families, in every wording, in shuffled order."""
    found = [asked for family in families for asked in _about(scene.things, family)]
    random.shuffle(found)
    return found


def _about(things: Things, family: str) -> List[Asked]:
    animal = "yes" if things.kind in ANIMALS else "no"
    answers = {"color": things.color, "presence": animal, "count": str(things.count), "side": things.side}
    number = {"presence": "one", "count": "several"}.get(family, "one" if things.count == 1 else "several")
    kind = "animal" if family == "presence" else things.kind
    return [Asked(family, kind, wording, answers[family]) for wording in QUESTIONS[family, number]]
