"""The question that a card's code is shown with."""

from typing import Any, Mapping, Sequence

from podtune.formats.evaluation import UsageExample
from podtune.formats.features import Features
from podtune.tasks.question_answering.questions import read_contexts, read_questions


def example(features: Features, split: str, records: Sequence[Mapping[str, Any]], best: Sequence[int]) -> UsageExample:
    """Choose the best question with the shortest context: one that is answered, from one window, where there is one."""
    questions, contexts = read_questions(features.path, split), read_contexts(features.path, split)
    answered = [row for row in best if records[row]["prediction"]] or best
    whole = [row for row in answered if records[row]["slices"].get("windows") == "1"] or answered
    row = min(whole, key=lambda row: len(contexts[questions[row].context]))
    values = {"question": questions[row].question, "context": contexts[questions[row].context]}
    return UsageExample(row, values)
