"""The literals were worked out by hand from the published definitions."""

import re
from typing import Dict, List, Sequence, Tuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from podtune.tasks.question_answering.official_scores import (
    any_unanswerable,
    normalise_answer,
    percent,
    score_predictions,
)
from podtune.tasks.question_answering.questions import Answer, Question


def question(*answers: str, name: str = "q") -> Question:
    return Question(name, "Who?", tuple(Answer(text, 0) for text in answers), not answers, context=0)


def scored(prediction: str, *answers: str) -> Tuple[float, float]:
    """Score one question of a version 1.1 data set."""
    scores = score_predictions([question(*answers)], {"q": prediction})
    return scores.exact_match[0], scores.f1[0]


def scored_2_0(prediction: str, *answers: str) -> Tuple[float, float]:
    """Score one question of a version 2.0 data set: another one has no answer."""
    questions = [question(*answers), question(name="unanswerable")]
    scores = score_predictions(questions, {"q": prediction, "unanswerable": "x"})
    return scores.exact_match[0], scores.f1[0]


@pytest.mark.parametrize(
    ("text", "normalised"),
    [
        ("The  Cat\tsat\n", "cat sat"),
        ("A an the THE", ""),
        ("theatre and a-an", "theatre and aan"),  # the hyphen goes first, so that no article is left
        ("the-cat", "thecat"),
        ("U.S.A.", "usa"),
        ("a.m.", "am"),
        ("a\u00a0cat", "cat"),
        ("“quoted” – dash…", "“quoted” – dash…"),  # only ASCII punctuation is deleted
        ("$1,000.50", "100050"),
        ("l'a été", "la été"),
        ("“a” cat", "“ ” cat"),
        ("İ", "i\u0307"),
        ("the_end", "theend"),
    ],
)
def test_texts_are_normalised_in_the_published_order(text: str, normalised: str) -> None:
    assert normalise_answer(text) == normalised


@pytest.mark.parametrize(
    ("prediction", "answers", "exact_match", "f1"),
    [
        ("the Denver Broncos", ("Denver Broncos!",), 1.0, 1.0),
        ("Denver", ("Denver Broncos",), 0.0, 2 / 3),
        ("Denver", ("Carolina", "Denver Broncos", "the broncos of Denver"), 0.0, 2 / 3),
        ("Carolina", ("Denver Broncos",), 0.0, 0.0),
        ("new new york", ("new york",), 0.0, 0.8),  # a repeated word is shared once
        ("", ("Denver",), 0.0, 0.0),
        ("the", ("a", "Denver"), 1.0, 0.0),  # equal, but no word is shared
    ],
)
def test_version_1_1_scores(prediction: str, answers: Sequence[str], exact_match: float, f1: float) -> None:
    assert scored(prediction, *answers) == (exact_match, f1)


@pytest.mark.parametrize(
    ("prediction", "answers", "exact_match", "f1"),
    [
        ("Denver", ("Denver Broncos",), 0.0, 2 / 3),
        ("", (), 1.0, 1.0),
        ("the", (), 1.0, 1.0),
        ("Denver", (), 0.0, 0.0),
        ("", ("Denver",), 0.0, 0.0),
        ("the", ("a",), 1.0, 1.0),  # nothing is left of the answer, so that none is the right one
        ("the", ("a", "Denver"), 0.0, 0.0),  # the answer of which nothing is left does not count
    ],
)
def test_version_2_0_scores(prediction: str, answers: Sequence[str], exact_match: float, f1: float) -> None:
    assert scored_2_0(prediction, *answers) == (exact_match, f1)


def test_a_missing_prediction_earns_nothing() -> None:
    scores = score_predictions([question("Denver", name="a"), question("Denver", name="b")], {"b": "Denver"})

    assert scores.exact_match.tolist() == [0.0, 1.0]
    assert scores.f1.tolist() == [0.0, 1.0]


def test_one_question_without_an_answer_makes_it_version_2_0() -> None:
    assert any_unanswerable([question("x"), question()])
    assert not any_unanswerable([question("x")])


def test_the_percentage_is_summed_as_published_to_the_last_digit() -> None:
    exact_match = np.zeros(10570)
    exact_match[:8646] = 1.0

    assert percent(exact_match) == 81.79754020813624
    assert percent(np.array([0.1] * 10)) == 9.999999999999998
    assert percent(np.array([2 / 3, 0.8, 2 / 7])) == 58.41269841269841


WORDS = st.sampled_from(["a", "the", "The", "an", "cat", "Cat!", "cat's", "new", "york", "-", "é", "", " ", "\u00a0"])
TEXTS = st.lists(WORDS, max_size=5).map(" ".join)


@settings(max_examples=100, deadline=None)
@given(answers=st.lists(st.lists(TEXTS, max_size=3), min_size=1, max_size=4), predictions=st.lists(TEXTS, min_size=4))
def test_scores_equal_the_definitions_written_out(answers: List[List[str]], predictions: List[str]) -> None:
    questions = [question(*texts, name=str(row)) for row, texts in enumerate(answers)]
    predicted = {str(row): predictions[row] for row in range(len(answers))}

    scores = score_predictions(questions, predicted)

    assert list(zip(scores.exact_match.tolist(), scores.f1.tolist())) == slow_scores(answers, predicted)


def slow_scores(answers: List[List[str]], predictions: Dict[str, str]) -> List[Tuple[float, float]]:
    """Both versions' definitions, word by word."""
    version_2 = any(not texts for texts in answers)
    results = []
    for row, texts in enumerate(answers):
        truths = [words_of(text) for text in texts]
        if version_2:
            truths = [truth for truth in truths if truth] or [[]]
        words = words_of(predictions[str(row)])
        pairs = [(float(words == truth), slow_f1(words, truth, version_2)) for truth in truths]
        results.append((max(exact for exact, _ in pairs), max(f1 for _, f1 in pairs)))
    return results


def words_of(text: str) -> List[str]:
    kept = [character for character in text.lower() if character not in "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"]
    return re.sub(r"\b(a|an|the)\b", " ", "".join(kept)).split()


def slow_f1(words: List[str], truth: List[str], version_2: bool) -> float:
    if version_2 and not (words and truth):
        return float(words == truth)
    left, shared = list(truth), 0
    for word in words:
        if word in left:
            left.remove(word)
            shared += 1
    if not shared:
        return 0.0
    precision, recall = shared / len(words), shared / len(truth)
    return 2 * precision * recall / (precision + recall)
