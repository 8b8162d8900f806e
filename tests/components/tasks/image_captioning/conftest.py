"""Captions whose scores are known from the published program (pycocoevalcap 1.2)."""

from typing import List, Tuple

import pytest

Captions = Tuple[List[List[str]], List[List[List[str]]]]

PREDICTIONS = ["a white box on a wooden table", "the the the the dog", "a man", "", "a can of soup on a table"]
REFERENCES = [
    ["a white box is on a table", "white box to the left of a blue box on a wooden table"],
    ["the dog sits on the mat", "a dog"],
    ["a man holds a phone", "a man", "person 's hand"],
    ["a blurry page"],
    ["a can of soup on a table", "a can of campbell 's soup sits on a wooden table"],
]


@pytest.fixture
def captions() -> Captions:
    """Five images' predictions, and their references: one of them too short, one empty, one wholly right."""
    return [text.split() for text in PREDICTIONS], [[text.split() for text in texts] for texts in REFERENCES]
