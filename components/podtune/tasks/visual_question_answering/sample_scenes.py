"""Generated pictures of things, without the pictures: what is in them, and what may be asked about them.

A scene has several kinds of things; those of a kind share a colour and a side of the picture.
"""

from dataclasses import dataclass
from random import Random
from typing import List, Tuple

KINDS = ("ball", "bear", "bird", "boat", "car", "cat", "chair", "clock", "dog", "horse", "kite", "lamp")
COLORS = ("black", "blue", "gray", "green", "pink", "red", "white", "yellow")
UNKNOWN_COLOR = "maroon"
"""Of one thing in the validation split, and of none in the training split: no vocabulary of answers has it."""

SIDES = ("left", "right")
COUNTS = (1, 2, 3)
FAMILIES = ("color", "presence", "count", "side")

QUESTIONS = {
    ("color", "one"): ("What color is the {}?", "What is the color of the {}?"),
    ("color", "several"): ("What color are the {}s?", "What is the color of the {}s?"),
    ("presence", "one"): ("Is there a {} in the picture?", "Do you see a {}?"),
    ("count", "several"): ("How many {}s are there?", "How many {}s do you see?"),
    ("side", "one"): ("Where is the {}?", "Is the {} on the left or on the right?"),
    ("side", "several"): ("Where are the {}s?", "Are the {}s on the left or on the right?"),
}
"""What is asked for, of one thing or of several, to the wordings."""


@dataclass(frozen=True)
class Things:
    """All things of one kind in a picture."""

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
    things: Tuple[Things, ...]


@dataclass(frozen=True)
class Asked:
    """A question about a scene, and its true answer."""

    family: str
    """What is asked for: one of FAMILIES."""

    kind: str
    wording: str
    """The question with {} for the kind."""

    answer: str

    @property
    def question(self) -> str:
        """The whole question."""
        return self.wording.format(self.kind)


def draw_scene(random: Random) -> Scene:
    """Draw what a picture shows: five or six kinds of things."""
    kinds = random.sample(KINDS, random.choice((5, 6)))
    things = [Things(kind, random.choice(COLORS), random.choice(COUNTS), random.choice(SIDES)) for kind in kinds]
    return Scene(random.choice((480, 500, 640)), random.choice((375, 427, 480)), tuple(things))


def ask(random: Random, scene: Scene, families: Tuple[str, ...]) -> List[Asked]:
    """Ask everything of these families that can be asked about a scene, in shuffled order.

    As many kinds are asked for that are not there as are.
    """
    found = [_about(random, things, family) for things in scene.things for family in families]
    if "presence" in families:
        there = {things.kind for things in scene.things}
        absent = random.sample([kind for kind in KINDS if kind not in there], len(there))
        found += [Asked("presence", kind, random.choice(QUESTIONS["presence", "one"]), "no") for kind in absent]
    random.shuffle(found)
    return found


def _about(random: Random, things: Things, family: str) -> Asked:
    answers = {"color": things.color, "presence": "yes", "count": str(things.count), "side": things.side}
    number = {"presence": "one", "count": "several"}.get(family, "one" if things.count == 1 else "several")
    return Asked(family, things.kind, random.choice(QUESTIONS[family, number]), answers[family])
