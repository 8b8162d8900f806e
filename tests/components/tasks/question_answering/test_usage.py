from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from podtune.tasks.question_answering.passages import passages_of
from podtune.tasks.question_answering.questions import Answer, Question, write_questions
from podtune.tasks.question_answering.usage import example
from podtune.tasks.task import Passage

LONG, SHORT = "the old red fox ran", "the fox"


@dataclass(frozen=True)
class Directory:
    """All that is read of Features."""

    path: Path


@pytest.fixture
def features(tmp_path: Path) -> Any:
    """Two questions on a long context, one on a short one."""
    (tmp_path / "dev").mkdir()
    answers = (Answer("fox", 12), Answer("red fox", 8), Answer("fox", 12))
    questions = [
        Question(str(row), f"Question {row}?", answers, False, context) for row, context in enumerate((0, 0, 1))
    ]
    write_questions(tmp_path / "dev", questions, [LONG, SHORT])
    return Directory(tmp_path)


def records(*windows: str, predictions: str = "fff") -> Any:
    return [{"prediction": text.strip(), "slices": {"windows": count}} for text, count in zip(predictions, windows)]


def test_the_shortest_context_of_the_best_is_chosen(features: Any) -> None:
    chosen = example(features, "dev", records("1", "1", "1"), [1, 0, 2])

    assert (chosen.row, dict(chosen.values)) == (2, {"question": "Question 2?", "context": "the fox"})
    assert chosen.files == {}


def test_of_equally_short_ones_the_surest_is_chosen(features: Any) -> None:
    assert example(features, "dev", records("1", "1", "1"), [1, 0]).row == 1


def test_a_context_that_needs_several_windows_is_not_chosen_if_another_is_there(features: Any) -> None:
    assert example(features, "dev", records("1", "2", "2"), [2, 1, 0]).row == 0
    assert example(features, "dev", records("2", "2", "2"), [1, 0]).row == 1


def test_a_question_without_an_answer_is_not_chosen_if_another_is_there(features: Any) -> None:
    assert example(features, "dev", records("1", "1", "1", predictions="f  "), [2, 0]).row == 0
    assert example(features, "dev", records("1", "1", "1", predictions="   "), [2, 0]).row == 2


def test_a_passage_has_each_true_answer_once(features: Any) -> None:
    assert passages_of(features, "dev", [1]) == [Passage(LONG, [(8, 15), (12, 15)])]
