"""A split of question-answering Features: windows of tokens, each one question with a piece of its context.

Windows are in question order, then in context order. Every array is a file named like its field (formats/ragged.py).
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import List, Sequence

import numpy as np

from podtune.errors import BadInput
from podtune.formats.json_lines import read_json_lines
from podtune.formats.ragged import Array, Batch, Ragged, map_array, map_ragged, save_array
from podtune.tasks.question_answering.questions import QUESTION_CONTEXT, QUESTIONS, Question, write_questions

_RAGGED = ("tokens", "token_spans")
_FLAT = ("context_start", "context_length", "first_context_token", "question", "answer_start", "answer_end")
_SEGMENTS = np.array([0, 1], dtype=np.int32)


@dataclass(frozen=True)
class QuestionWindows:
    """The windows of one split; `training.protocols.Examples`."""

    directory: Path
    """Of the split: where the questions and contexts lie."""

    tokens: Ragged
    """uint16 (int32 where the vocabulary exceeds 65,536): each window's token ids, special tokens included."""

    context_start: Array
    """int32 [windows]: position in the window of its first context token."""

    context_length: Array
    """int32 [windows]: context tokens in the window."""

    first_context_token: Array
    """int32 [windows]: which token of the context the window's first one is."""

    question: Array
    """int32 [windows]: line of questions.jsonl."""

    answer_start: Array
    """int32 [windows]: position in the window of the first answer's first token; 0, the classifier token,
    where the window does not contain that answer in full."""

    answer_end: Array
    """int32 [windows]: the same of its last token."""

    token_spans: Ragged
    """int32 [tokens, 2], a row for each distinct context: first character of each token, and the one after its last."""

    question_context: Array
    """int32 [questions]: line of contexts.jsonl and row of `token_spans`."""

    def __len__(self) -> int:
        return len(self.tokens)

    @cached_property
    def lengths(self) -> Array:
        """int64 [windows]: the tokens of each."""
        return self.tokens.lengths

    def names(self, rows: Array) -> List[str]:
        """The windows' question ids."""
        ids = [record["id"] for record in read_json_lines(self.directory / QUESTIONS)]
        return [ids[question] for question in self.question[rows]]

    def batch(self, rows: Array) -> Batch:
        """Gather windows: streams tokens and segments, columns answer_start and answer_end; all int32.

        A segment is 0 up to the context, and 1 from there to the end of the window.
        """
        tokens = self.tokens.take(rows)
        ends = np.empty((len(rows), 2), dtype=np.int64)
        ends[:, 0] = self.context_start[rows]
        ends[:, 1] = self.lengths[rows] - ends[:, 0]
        segments = np.repeat(np.tile(_SEGMENTS, len(rows)), ends.ravel())
        columns = {"answer_start": self.answer_start[rows], "answer_end": self.answer_end[rows]}
        return Batch(tokens.offsets, {"tokens": tokens.values.astype(np.int32), "segments": segments}, columns)

    def question_of_token(self, token: int) -> str:
        """The id of the question whose window a token of the split lies in."""
        return self.names(np.searchsorted(self.tokens.offsets, [token], side="right") - 1)[0]


def write_windows(windows: QuestionWindows, questions: Sequence[Question], contexts: Sequence[str]) -> None:
    """Write a split into `windows.directory`."""
    windows.directory.mkdir(parents=True)
    for name in _RAGGED + _FLAT:
        save_array(windows.directory, name, getattr(windows, name))
    write_questions(windows.directory, questions, contexts)


def open_windows(features: Path, split: str) -> QuestionWindows:
    """Memory-map one split of a verified Features directory; BadInput where there is no such split."""
    directory = features / split
    if not directory.is_dir():
        names = ", ".join(sorted(path.name for path in features.iterdir() if path.is_dir())) or "none"
        raise BadInput(f"{features} has no split {split!r}; it has {names}")
    flat = {name: np.asarray(map_array(directory, name)) for name in (*_FLAT, QUESTION_CONTEXT)}
    tokens, token_spans = (map_ragged(directory, name) for name in _RAGGED)
    return QuestionWindows(directory=directory, tokens=tokens, token_spans=token_spans, **flat)
