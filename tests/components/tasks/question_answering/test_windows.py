from pathlib import Path
from typing import Callable, List

import numpy as np
import pytest
from podtune.errors import BadInput
from podtune.formats.ragged import Ragged
from podtune.tasks.question_answering.questions import Answer, Question, read_contexts, read_questions
from podtune.tasks.question_answering.windows import QuestionWindows, open_windows, write_windows

ByHand = Callable[[Path], QuestionWindows]


CONTEXTS = ["Paris\u2028 liegt an der Seine."]
QUESTIONS = [
    Question("q1", " Wo liegt Paris?", (Answer("an der Seine", 13),), is_impossible=False, context=0),
    Question("q2", "Wer?", (), is_impossible=True, context=0),
]


def int32(*values: int) -> np.ndarray:
    return np.array(values, dtype=np.int32)


@pytest.fixture
def by_hand() -> Callable[[Path], QuestionWindows]:
    """Windows [CLS] q q [SEP] c c c [SEP], [CLS] q q [SEP] c c c [SEP] and [CLS] q [SEP] c c c c c [SEP]."""
    rows = [[2, 40, 41, 3, 10, 11, 12, 3], [2, 40, 41, 3, 12, 13, 14, 3], [2, 42, 3, 10, 11, 12, 13, 14, 3]]
    flat: List[int] = [token for row in rows for token in row]
    spans = np.array([[0, 5], [7, 12], [13, 15], [16, 19], [20, 26]], dtype=np.int32)

    def windows(directory: Path) -> QuestionWindows:
        return QuestionWindows(
            directory=directory,
            tokens=Ragged(np.array(flat, dtype=np.uint16), np.array([0, 8, 16, 25])),
            context_start=int32(4, 4, 3),
            context_length=int32(3, 3, 5),
            first_context_token=int32(0, 2, 0),
            question=int32(0, 0, 1),
            answer_start=int32(0, 4, 0),
            answer_end=int32(0, 6, 0),
            token_spans=Ragged(spans, np.array([0, 5])),
            question_context=int32(0, 0),
        )

    return windows


@pytest.fixture
def opened(tmp_path: Path, by_hand: ByHand) -> QuestionWindows:
    write_windows(by_hand(tmp_path / "train"), QUESTIONS, CONTEXTS)
    return open_windows(tmp_path, "train")


def test_what_is_written_is_read_again(tmp_path: Path, by_hand: ByHand, opened: QuestionWindows) -> None:
    written = by_hand(tmp_path / "train")

    for name in ("context_start", "context_length", "first_context_token", "question", "answer_start", "answer_end"):
        assert getattr(opened, name).tolist() == getattr(written, name).tolist()
        assert getattr(opened, name).dtype == np.int32
    assert opened.tokens.row(1).tolist() == [2, 40, 41, 3, 12, 13, 14, 3]
    assert opened.tokens.values.dtype == np.uint16
    assert opened.token_spans.row(0).tolist() == [[0, 5], [7, 12], [13, 15], [16, 19], [20, 26]]
    assert read_questions(tmp_path, "train") == QUESTIONS
    assert read_contexts(tmp_path, "train") == CONTEXTS


def test_a_split_is_exactly_these_files(tmp_path: Path, opened: QuestionWindows) -> None:
    assert sorted(path.name for path in (tmp_path / "train").iterdir()) == [
        "answer_end.npy",
        "answer_start.npy",
        "context_length.npy",
        "context_start.npy",
        "contexts.jsonl",
        "first_context_token.npy",
        "question.npy",
        "question_context.npy",
        "questions.jsonl",
        "token_spans.offsets.npy",
        "token_spans.values.npy",
        "tokens.offsets.npy",
        "tokens.values.npy",
    ]


def test_windows_have_lengths_and_their_questions_ids(opened: QuestionWindows) -> None:
    assert len(opened) == 3
    assert opened.lengths.tolist() == [8, 8, 9]
    assert opened.names(np.array([2, 0, 1])) == ["q2", "q1", "q1"]


def test_a_batch_is_one_stream_in_the_order_asked_for(opened: QuestionWindows) -> None:
    batch = opened.batch(np.array([2, 1]))

    assert batch.offsets.tolist() == [0, 9, 17]
    assert batch.streams["tokens"].tolist() == [2, 42, 3, 10, 11, 12, 13, 14, 3, 2, 40, 41, 3, 12, 13, 14, 3]
    assert batch.streams["segments"].tolist() == [0, 0, 0, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 1, 1, 1, 1]
    assert batch.columns["answer_start"].tolist() == [0, 4]
    assert batch.columns["answer_end"].tolist() == [0, 6]
    assert {stream.dtype for stream in batch.streams.values()} == {np.dtype(np.int32)}


def test_an_unknown_split_is_named_with_those_there_are(tmp_path: Path, opened: QuestionWindows) -> None:
    with pytest.raises(BadInput, match=r"has no split 'test'; it has train$"):
        open_windows(tmp_path, "test")
