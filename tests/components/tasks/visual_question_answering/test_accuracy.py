from typing import Dict, Tuple

import pytest
from podtune.tasks.visual_question_answering.accuracy import accuracy, soft_accuracy
from podtune.tasks.visual_question_answering.questions import VisualQuestion


def asked(answers: Tuple[str, ...] = (), labels: "Dict[str, float] | None" = None) -> VisualQuestion:
    return VisualQuestion(id="1", image="2", question="?", labels=labels or {}, answers=answers, slices={})


@pytest.mark.parametrize(
    ("agree", "expected"), [(0, 0.0), (1, 0.3), (2, 0.6), (3, 0.9), (4, 1.0), (5, 1.0), (9, 1.0), (10, 1.0)]
)
def test_an_answer_is_compared_with_nine_of_ten_people_each_time(agree: int, expected: float) -> None:
    answers = ["dog"] * agree + ["cat"] * (10 - agree)

    assert soft_accuracy("dog", answers) == expected


@pytest.mark.parametrize(
    ("predicted", "said"),
    [("A dog.", "dog"), ("two", "2"), ("3,000", "3000"), ("top-left", "top left"), ("St. John's", "st john's")],
)
def test_where_people_differ_answers_are_compared_by_the_official_rules(predicted: str, said: str) -> None:
    assert soft_accuracy(predicted, [said] * 9 + ["nothing"]) == 1.0
    assert soft_accuracy(said, [predicted] * 9 + ["nothing"]) == 1.0


def test_where_all_say_the_same_answers_are_compared_letter_by_letter() -> None:
    assert soft_accuracy("Frisbee", ["frisbee"] * 10) == 0.0
    assert soft_accuracy("frisbee", ["frisbee\n"] * 10) == 1.0


def test_a_capital_letter_is_no_other_answer_where_people_differ() -> None:
    assert soft_accuracy("Frisbee", ["frisbee"] * 9 + ["Frisbee"]) == 1.0


def test_of_few_people_none_may_count_twice() -> None:
    assert soft_accuracy("dog", ["dog"]) == 0.0
    assert soft_accuracy("dog", ["dog", "cat"]) == pytest.approx(1 / 6)


def test_without_peoples_answers_a_labels_weight_counts() -> None:
    question = asked(labels={"net": 1.0, "racket": 0.3})

    assert [accuracy(question, text) for text in ("net", "racket", "ball", "Net")] == [1.0, 0.3, 0.0, 0.0]


def test_peoples_answers_come_before_labels() -> None:
    assert accuracy(asked(("net",) * 8 + ("racket",) * 2, {"racket": 1.0}), "racket") == 0.6
