"""Predicted answers in the formats that the servers of VQA and GQA take."""

from typing import Any, Dict, List, Sequence

from podtune.tasks.visual_question_answering.questions import VisualQuestion


def prediction_file(questions: Sequence[VisualQuestion], predictions: Sequence[str]) -> List[Dict[str, Any]]:
    """One object a question, as VQA's server takes them where the questions have VQA's types, else as GQA's does."""
    if all("question_type" in question.slices for question in questions):
        return [
            {"question_id": int(question.id), "answer": predicted}
            for question, predicted in zip(questions, predictions)
        ]
    return [{"questionId": question.id, "prediction": predicted} for question, predicted in zip(questions, predictions)]
