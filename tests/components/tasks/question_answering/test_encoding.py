from typing import Any

import pytest
from podtune.tasks.question_answering import encoding
from podtune.tasks.question_answering.encoding import encode_split
from podtune.tasks.question_answering.questions import Question
from podtune.tasks.question_answering.squad import SquadSplit


def asked(text: str, context: int) -> Question:
    return Question(text, text, (), is_impossible=True, context=context)


@pytest.mark.parametrize("batch", [1, 2, 2048])
def test_texts_are_encoded_in_order_whatever_the_batches(
    tokenizers: Any, monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    monkeypatch.setattr(encoding, "_BATCH", batch)
    split = SquadSplit([asked("  a b", 2), asked("", 0), asked("c", 1)], ["Paris,", "ab", "\u200bé c"], "train.json")

    encoded = encode_split(tokenizers["bert"](), split)

    assert [encoded.questions.row(row).tolist() for row in range(3)] == [[100, 101], [], [102]]
    assert [encoded.contexts.row(row).tolist() for row in range(3)] == [[11, 13], [100, 201], [104, 102]]
    assert [encoded.spans.row(row).tolist() for row in range(3)] == [
        [[0, 5], [5, 6]],
        [[0, 1], [1, 2]],
        [[1, 2], [3, 4]],
    ]
