from typing import List, Tuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from podtune.tasks.image_captioning.metrics import longest_common, rouge_l

Captions = Tuple[List[List[str]], List[List[List[str]]]]
WORDS = st.lists(st.sampled_from("abcd"), max_size=12)


def test_values_are_those_of_the_published_program(captions: Captions) -> None:
    scores = rouge_l(*captions)

    assert scores.tolist() == pytest.approx([85.71428571428571, 45.35315985130111, 100.0, 0.0, 100.0], rel=1e-12)


def test_two_captions_without_words_are_equal_as_published() -> None:
    assert rouge_l([[], []], [[[]], [["dog"]]]).tolist() == [100.0, 0.0]


@pytest.mark.parametrize(
    ("words", "others", "common"),
    [
        ("abcbdab", "bdcaba", 4),
        ("abc", "abc", 3),
        ("abc", "cba", 1),
        ("aaaa", "aa", 2),
        ("", "abc", 0),
        ("ab", "cd", 0),
    ],
)
def test_common_words_need_not_stand_side_by_side(words: str, others: str, common: int) -> None:
    assert longest_common(list(words), list(others)) == common


@given(WORDS, WORDS)
def test_what_is_common_is_found_as_the_textbook_finds_it(words: List[str], others: List[str]) -> None:
    row = [0] * (len(others) + 1)
    for word in words:
        before, row = row, [0]
        for place, other in enumerate(others):
            row.append(before[place] + 1 if word == other else max(before[place + 1], row[place]))

    assert longest_common(words, others) == row[-1]
