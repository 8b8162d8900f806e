import json
import logging
from dataclasses import asdict
from pathlib import Path
from typing import Dict, List

import numpy as np
import pytest
from podtune.errors import BadInput, PodtuneError
from podtune.tasks.visual_question_answering.questions import VisualQuestion
from podtune.tasks.visual_question_answering.scores import score_answers

ANSWERS = ["", "dog", "2", "yes"]
DOG = VisualQuestion(
    id="262148000",
    image="COCO_val2014_000000262148",
    question="What is it?",
    labels={"dog": 1.0, "cat": 0.6},
    answers=("dog",) * 8 + ("cat",) * 2,
    slices={"question_type": "what is", "answer_type": "other"},
)
TWO = VisualQuestion(
    id="262148001",
    image="COCO_val2014_000000262148",
    question="How many?",
    labels={"1": 1.0, "2": 0.9},
    answers=("one",) * 4 + ("1",) * 3 + ("two",) * 3,
    slices={"question_type": "how many", "answer_type": "number"},
)
CAR = VisualQuestion(
    id="262148002",
    image="COCO_val2014_000000262148",
    question="And that?",
    labels={"car": 1.0},
    answers=("car",) * 10,
    slices={"question_type": "none of the above", "answer_type": "other"},
)
PIPE = VisualQuestion(
    id="07333408",
    image="n161313",
    question="Is that a dog?",
    labels={"yes": 1.0},
    answers=(),
    slices={"structural": "verify", "semantic": "obj"},
)
WALL = VisualQuestion(
    id="07333409",
    image="n161313",
    question="What is on it?",
    labels={"wallpaper": 1.0},
    answers=(),
    slices={"structural": "query", "semantic": "rel"},
)


def outputs(answer: List[int], loss: List[float]) -> Dict[str, np.ndarray]:
    return {
        "answer": np.array(answer, dtype=np.int64),
        "probability": np.full(len(answer), 0.5, dtype=np.float32),
        "loss": np.array(loss, dtype=np.float32),
    }


def features(folder: Path, questions: List[VisualQuestion]) -> Path:
    """Write what scoring reads of a validation split: questions and answers."""
    (folder / "validation").mkdir()
    (folder / "answers.json").write_text(json.dumps(ANSWERS), encoding="utf-8")
    lines = (json.dumps(asdict(question)) + "\n" for question in questions)
    (folder / "validation" / "questions.jsonl").write_text("".join(lines), encoding="utf-8")
    return folder


def test_vqa_is_scored_by_what_ten_people_said(tmp_path: Path) -> None:
    folder = features(tmp_path, [DOG, TWO])

    scored = score_answers(folder, "validation", outputs([1, 2], [0.1, 0.3]), soft=True)

    assert scored.metrics["accuracy"].tolist() == [100.0, 90.0]
    assert scored.values == {"accuracy": 95.0}
    assert scored.loss == pytest.approx(0.2)
    assert scored.predictions == [
        {"question_id": 262148000, "answer": "dog"},
        {"question_id": 262148001, "answer": "2"},
    ]


def test_gqa_is_scored_by_its_one_answer(tmp_path: Path) -> None:
    scored = score_answers(features(tmp_path, [PIPE]), "validation", outputs([3], [0.1]), soft=False)

    assert scored.values == {"accuracy": 100.0}
    assert scored.predictions == [{"questionId": "07333408", "prediction": "yes"}]


def test_a_record_says_all_about_its_question(tmp_path: Path) -> None:
    scored = score_answers(features(tmp_path, [DOG]), "validation", outputs([2], [0.1]), soft=True)

    assert scored.records == [
        {
            "id": "262148000",
            "question": "What is it?",
            "image": "COCO_val2014_000000262148",
            "prediction": "2",
            "probability": 0.5,
            "answers": ["dog"] * 8 + ["cat"] * 2,
            "scores": {"accuracy": 0.0},
            "slices": {"question_type": "what is", "answer_type": "other"},
        }
    ]


def test_a_record_of_gqa_has_its_answer(tmp_path: Path) -> None:
    scored = score_answers(features(tmp_path, [WALL]), "validation", outputs([1], [0.0]), soft=False)

    assert scored.records[0]["answers"] == ["wallpaper"]
    assert scored.records[0]["slices"] == {"structural": "query", "semantic": "rel"}


def test_with_hard_labels_a_question_out_of_vocabulary_is_wrong_and_has_no_loss(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    folder = features(tmp_path, [PIPE, WALL])

    scored = score_answers(folder, "validation", outputs([3, 3], [0.4, 0.0]), soft=False)

    assert scored.values == {"accuracy": 50.0}
    assert scored.loss == pytest.approx(0.4)
    assert scored.notes == {"out_of_vocabulary": 1.0}
    assert caplog.messages == [
        "validation: 1 of 2 questions are out of vocabulary (4 answers): scored as wrong, and left out of the loss"
    ]


def test_with_soft_labels_a_question_out_of_vocabulary_is_wrong_and_has_a_loss(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    folder = features(tmp_path, [DOG, CAR])

    scored = score_answers(folder, "validation", outputs([1, 1], [0.4, 0.2]), soft=True)

    assert scored.values == {"accuracy": 50.0}
    assert scored.loss == pytest.approx(0.3)
    assert caplog.messages == ["validation: 1 of 2 questions are out of vocabulary (4 answers): scored as wrong"]


@pytest.mark.parametrize("name", ["probability", "loss"])
def test_outputs_that_are_not_finite_are_refused_with_the_question(tmp_path: Path, name: str) -> None:
    found = outputs([1, 2], [0.1, 0.1])
    found[name][1] = np.nan

    with pytest.raises(BadInput, match=rf"^the model's {name} of question '262148001' is nan, not finite; .* float32$"):
        score_answers(features(tmp_path, [DOG, TWO]), "validation", found, soft=True)


def test_a_question_without_an_output_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(PodtuneError, match="gave 1 values of answer for 2 questions; make the features again"):
        score_answers(features(tmp_path, [DOG, TWO]), "validation", outputs([1], [0.1]), soft=True)
