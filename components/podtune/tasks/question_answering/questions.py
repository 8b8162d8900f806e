"""Questions with their true answers, and their files in a split of question-answering Features.

`questions.jsonl` has one object a question: {"id", "question", "answers": [{"text", "answer_start"}],
"is_impossible"}; `contexts.jsonl` one JSON string a line; `question_context.npy` joins the two. Where the data names
articles, `question_article.npy` has a number for each question's, and -1 where it has none.
"""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, Iterable, List, Sequence, Tuple

import numpy as np

from podtune.formats.json_lines import read_json_lines, write_json_lines
from podtune.formats.profile import Traces, hashes, lengths, normalised
from podtune.formats.ragged import map_array, save_array

QUESTIONS = "questions.jsonl"
CONTEXTS = "contexts.jsonl"
QUESTION_CONTEXT = "question_context"
QUESTION_ARTICLE = "question_article"


@dataclass(frozen=True)
class Answer:
    """A true answer: a piece of the context."""

    text: str
    answer_start: int
    """Of its first character in the context."""


@dataclass(frozen=True)
class Question:
    """A question on one context."""

    id: str
    question: str
    """As published, outer white space included."""

    answers: Tuple[Answer, ...]
    """In the published order; training learns the first. Empty where nothing answers the question."""

    is_impossible: bool
    """SQuAD v2: the context does not answer it."""

    context: int
    """Which of the split's contexts it asks about."""

    article: str = field(default="", compare=False)
    """The title of the article that the context is from; empty where the data says none, and as it is read back."""


def write_questions(directory: Path, questions: Sequence[Question], contexts: Sequence[str]) -> None:
    """Write a split's questions and contexts."""
    write_json_lines(directory / QUESTIONS, map(_record, questions))
    write_json_lines(directory / CONTEXTS, contexts)
    save_array(directory, QUESTION_CONTEXT, np.array([question.context for question in questions], dtype=np.int32))
    if any(question.article for question in questions):
        save_array(directory, QUESTION_ARTICLE, _numbered(question.article for question in questions))


def read_questions(features: Path, split: str) -> List[Question]:
    """Read a split's questions, in the data's order."""
    directory = features / split
    contexts = map_array(directory, QUESTION_CONTEXT).tolist()
    return [_question(record, context) for record, context in zip(read_json_lines(directory / QUESTIONS), contexts)]


def read_contexts(features: Path, split: str) -> List[str]:
    """Read a split's distinct contexts; `Question.context` counts in them."""
    return list(read_json_lines(features / split / CONTEXTS))


def read_articles(features: Path, split: str) -> List[int]:
    """Read the number of each question's article; -1 where the data names none, and in Features of earlier versions."""
    directory = features / split
    if (directory / f"{QUESTION_ARTICLE}.npy").exists():
        return list(map_array(directory, QUESTION_ARTICLE).tolist())
    return [-1] * len(map_array(directory, QUESTION_CONTEXT))


def split_digest(directory: Path) -> str:
    """SHA-256 of a split's questions, contexts and true answers, whatever the tokenizer and the articles' titles."""
    digest = hashlib.sha256()
    for name in (QUESTIONS, CONTEXTS):
        digest.update((directory / name).read_bytes())
    digest.update(map_array(directory, QUESTION_CONTEXT).astype("<i4").tobytes())
    return digest.hexdigest()


def traces_of(questions: Sequence[Question], contexts: Sequence[str]) -> Traces:
    """What the profile needs of a split's questions; a source is a context, whatever its white space and the like."""
    sources = hashes(map(normalised, contexts)).tolist()
    texts = [normalised(question.question) for question in questions]
    return Traces(
        ids=[question.id for question in questions],
        exact=hashes((contexts[question.context], question.question) for question in questions),
        normalised=hashes((sources[question.context], text) for question, text in zip(questions, texts)),
        sources=hashes(sources[question.context] for question in questions),
        texts=hashes(texts),
        answers=hashes(question.answers[0].text for question in questions if question.answers),
        text_lengths=lengths(question.question for question in questions),
        source_lengths=lengths(contexts),
    )


def _record(question: Question) -> Any:
    # vars, as asdict copies every value deeply, which takes three times as long as the writing
    record = {**vars(question), "answers": [vars(answer) for answer in question.answers]}
    del record["context"], record["article"]
    return record


def _question(record: Any, context: int) -> Question:
    answers = tuple(Answer(answer["text"], answer["answer_start"]) for answer in record["answers"])
    return Question(record["id"], record["question"], answers, record["is_impossible"], context)


def _numbered(articles: Iterable[str]) -> np.ndarray:
    """int32: the titles counted in the order of first use; -1 for an empty one."""
    numbers: Dict[str, int] = {"": -1}
    return np.array([numbers.setdefault(title, len(numbers) - 1) for title in articles], dtype=np.int32)
