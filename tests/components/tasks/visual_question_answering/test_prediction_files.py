from typing import Dict

from podtune.tasks.visual_question_answering.questions import VisualQuestion
from podtune.tasks.visual_question_answering.scores import prediction_file


def asked(name: str, slices: Dict[str, str]) -> VisualQuestion:
    return VisualQuestion(id=name, image="2", question="?", labels={"yes": 1.0}, answers=(), slices=slices)


def test_vqas_server_takes_ids_as_numbers() -> None:
    types = {"question_type": "is the", "answer_type": "yes/no"}

    found = prediction_file([asked("262148000", types), asked("262148001", types)], ["yes", "no"])

    assert found == [{"question_id": 262148000, "answer": "yes"}, {"question_id": 262148001, "answer": "no"}]


def test_questions_of_several_people_are_vqas_whatever_their_types_and_ids() -> None:
    asked_of_ten = VisualQuestion("VizWiz_val_0.jpg", "2", "?", {"yes": 1.0}, answers=("yes",) * 10, slices={})

    assert prediction_file([asked_of_ten], ["yes"]) == [{"question_id": "VizWiz_val_0.jpg", "answer": "yes"}]


def test_gqas_server_takes_ids_as_text_with_their_zeros() -> None:
    types = {"structural": "query", "semantic": "rel"}

    assert prediction_file([asked("07333408", types)], ["pipe"]) == [{"questionId": "07333408", "prediction": "pipe"}]
    assert prediction_file([asked("07333408", {})], ["pipe"]) == [{"questionId": "07333408", "prediction": "pipe"}]
