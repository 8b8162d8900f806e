from dataclasses import replace
from pathlib import Path
from typing import Dict, Sequence

import numpy as np
import pytest
from podtune.errors import BadInput, PodtuneError
from podtune.formats.ragged import Ragged, offsets_of
from podtune.tasks.question_answering.questions import Answer, Question
from podtune.tasks.question_answering.scores import groups_of_questions, score_windows, span_loss
from podtune.tasks.question_answering.settings import EvaluationSettings
from podtune.tasks.question_answering.windows import QuestionWindows, write_windows

CONTEXTS = ["Ada wrote the first program", "Bo ran"]
PROGRAM = Question("q1", "What did Ada write?", (Answer("the first program", 10), Answer("program", 20)), False, 0)
RUNNER = Question("q2", "Who ran?", (Answer("Bo", 0),), False, 1)
FALLER = Question("q2", "Who fell?", (), True, 1)


def int32(*values: int) -> np.ndarray:
    return np.array(values, dtype=np.int32)


def windows_in(directory: Path) -> QuestionWindows:
    """[CLS] q [SEP] Ada wrote the [SEP], [CLS] q [SEP] the first program [SEP], [CLS] q [SEP] Bo ran [SEP]."""
    spans = int32(0, 3, 4, 9, 10, 13, 14, 19, 20, 27, 0, 2, 3, 6).reshape(-1, 2)
    return QuestionWindows(
        directory=directory,
        tokens=Ragged(np.zeros(20, dtype=np.uint16), offsets_of(np.array([7, 7, 6]))),
        context_start=int32(3, 3, 3),
        context_length=int32(3, 3, 2),
        first_context_token=int32(0, 2, 0),
        question=int32(0, 0, 1),
        answer_start=int32(0, 3, 3),
        answer_end=int32(0, 5, 3),
        token_spans=Ragged(spans, np.array([0, 5, 7])),
        question_context=int32(0, 1),
    )


def features(folder: Path, questions: Sequence[Question]) -> Path:
    write_windows(windows_in(folder / "validation"), questions, CONTEXTS)
    return folder


def outputs(start: Dict[int, float], end: Dict[int, float]) -> Dict[str, np.ndarray]:
    arrays = np.full((2, 20), -50, dtype=np.float32)
    arrays[0, list(start)], arrays[1, list(end)] = list(start.values()), list(end.values())
    return {"start_logits": arrays[0], "end_logits": arrays[1]}


def test_every_question_is_answered_and_scored(tmp_path: Path) -> None:
    logits = outputs({11: 4.0, 17: 5.0}, {12: 3.0, 18: 5.0})

    scored = score_windows(features(tmp_path, [PROGRAM, RUNNER]), "validation", logits, EvaluationSettings(n_best=1))

    assert scored.predictions == {"q1": "first program", "q2": "Bo ran"}
    assert scored.metrics["exact_match"].tolist() == [100.0, 0.0]
    assert scored.metrics["f1"].tolist() == pytest.approx([100.0, 200 / 3])
    assert scored.values == {"exact_match": 50.0, "f1": pytest.approx(250 / 3)}


def test_a_record_says_all_about_its_question(tmp_path: Path) -> None:
    logits = outputs({11: 4.0, 17: 5.0}, {12: 3.0, 18: 5.0})

    scored = score_windows(features(tmp_path, [PROGRAM, RUNNER]), "validation", logits, EvaluationSettings(n_best=1))

    assert scored.records[1] == {
        "id": "q2",
        "question": "Who ran?",
        "prediction": "Bo ran",
        "start": 0,
        "probability": 1.0,
        "answers": ["Bo"],
        "scores": {"exact_match": 0.0, "f1": pytest.approx(200 / 3)},
        "slices": {"question_word": "who", "answer_length": "1 word", "windows": "1"},
    }
    assert scored.records[0]["slices"] == {"question_word": "what", "answer_length": "3 to 5 words", "windows": "2"}


@pytest.mark.parametrize(("null", "prediction", "value"), [(9.0, "Bo", 50.0), (11.0, "", 100.0)])
def test_with_an_unanswerable_question_no_answer_is_one(
    tmp_path: Path, null: float, prediction: str, value: float
) -> None:
    logits = outputs({10: 4.0, 14: null, 17: 5.0}, {12: 4.0, 14: 0.0, 17: 5.0})

    scored = score_windows(features(tmp_path, [PROGRAM, FALLER]), "validation", logits, EvaluationSettings())

    assert scored.predictions == {"q1": "the first program", "q2": prediction}
    assert scored.values == {"exact_match": value, "f1": value}
    assert [record["slices"]["answerable"] for record in scored.records] == ["yes", "no"]


def test_the_loss_is_the_mean_of_both_cross_entropies_over_the_windows() -> None:
    windows = windows_in(Path("unused"))
    even = {"start_logits": np.zeros(20, dtype=np.float32), "end_logits": np.zeros(20, dtype=np.float32)}
    even["start_logits"][17] = 1000.0

    assert span_loss(windows, even) == pytest.approx((4 * np.log(7) + np.log(6)) / 6)


def test_logits_that_are_not_finite_are_refused_with_the_question(tmp_path: Path) -> None:
    logits = outputs({8: float("nan")}, {})

    with pytest.raises(BadInput, match=r"^the model's start_logits of question 'q1' are nan, not finite; .* float32$"):
        score_windows(features(tmp_path, [PROGRAM, RUNNER]), "validation", logits, EvaluationSettings())


def test_a_question_without_a_window_is_an_error(tmp_path: Path) -> None:
    windows = replace(windows_in(tmp_path / "validation"), question=int32(0, 0, 0))
    write_windows(windows, [PROGRAM, RUNNER], CONTEXTS)

    with pytest.raises(PodtuneError, match=r"question 'q2' has 0; make the features again$"):
        score_windows(tmp_path, "validation", outputs({}, {}), EvaluationSettings())


def test_questions_are_grouped_by_article_where_these_are_known_else_by_context() -> None:
    contexts = [row // 2 for row in range(60)]
    articles = [row // 5 for row in range(60)]

    assert groups_of_questions(contexts, articles).name == "article"
    assert groups_of_questions(contexts, [-1] * 60).name == "context"
    assert groups_of_questions(contexts, [row // 20 for row in range(60)]).name == "context"
    assert groups_of_questions(list(range(60)), [-1] * 60).name == ""


def test_a_question_without_an_article_belongs_to_its_context() -> None:
    groups = groups_of_questions([*range(12), 11], [3, 3, *[-1] * 11])

    assert groups.name == "article"
    assert groups.numbers is not None
    assert groups.numbers.tolist() == [0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 10]
