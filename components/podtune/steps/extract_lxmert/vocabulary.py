"""The answers that a model chooses from: given in one of the published forms, or made of a split's own."""

from collections import Counter
from pathlib import Path
from typing import Iterable, List

from podtune.errors import BadInput
from podtune.formats.json_files import of_kind, read_json


def read_answer_file(path: Path) -> List[str]:
    """Read a list of answers by label (label2ans), or an object of labels by answer (ans2label)."""
    document = of_kind(read_json(path), (list, dict), str(path))
    answers = document
    if isinstance(document, dict):
        for answer, label in document.items():
            of_kind(label, (int,), f"{path}: the label of {answer!r}")
        answers = sorted(document, key=document.__getitem__)
        if [document[answer] for answer in answers] != list(range(len(answers))):
            raise BadInput(f"{path}: the labels of {len(answers)} answers must be 0 to {len(answers) - 1}, each once")
    for label, answer in enumerate(answers):
        of_kind(answer, (str,), f"{path}: answer {label}")
    return checked_answers(answers, path)


def checked_answers(answers: List[str], path: Path) -> List[str]:
    """The same answers; BadInput unless there are at least two, all different."""
    if len(answers) < 2:
        raise BadInput(f"{path}: a vocabulary has at least two answers; got {len(answers)}")
    answer, count = Counter(answers).most_common(1)[0]
    if count > 1:
        raise BadInput(f"{path}: the answer {answer!r} has {count} labels; it must have one")
    return answers


def make_vocabulary(chosen: Iterable[str], minimum: int) -> List[str]:
    """The answers that so many questions or more have, the most frequent first; equally frequent ones by alphabet."""
    counts = Counter(answer for answer in chosen if answer)
    frequent = [answer for answer, count in counts.items() if count >= minimum]
    frequent.sort(key=lambda answer: (-counts[answer], answer))
    if len(frequent) < 2:
        raise BadInput(
            f"{len(frequent)} of {len(counts)} answers are given to {minimum} questions; a vocabulary has at least two:"
            " give more questions, a vocabulary, or a lower features.minimum_answers"
        )
    return frequent
