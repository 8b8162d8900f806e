from pathlib import Path
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Tuple

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from podtune.errors import BadInput
from podtune.tasks.question_answering.encoding import encode_split
from podtune.tasks.question_answering.pair_tokenizer import PairTokenizer
from podtune.tasks.question_answering.questions import Answer, Question
from podtune.tasks.question_answering.settings import WindowSettings
from podtune.tasks.question_answering.squad import SquadSplit
from podtune.tasks.question_answering.window_cutting import cut_windows
from podtune.tasks.question_answering.windows import QuestionWindows
from tokenizers import Tokenizer
from transformers import PreTrainedTokenizerFast

SPECIAL = {
    "bert": ((2,), (3,), (3,)),
    "roberta": ((0,), (2, 2), (2,)),
    "modernbert": ((0,), (2,), (2,)),
    "xlm-roberta": ((0,), (2, 2), (2,)),
    "albert": ((0,), (2,), (2,)),
}


class Asked(NamedTuple):
    """A question on a context; the answer is context[start:end], none where start is end."""

    context: str
    question: str
    start: int
    end: int


def cut(tokenizer: Tokenizer, kind: str, asked: List[Asked], *, max_length: int, overlap: int) -> QuestionWindows:
    contexts = list(dict.fromkeys(one.context for one in asked))
    questions = []
    for number, one in enumerate(asked):
        answers = (Answer(one.context[one.start : one.end], one.start),) if one.end > one.start else ()
        questions.append(Question(f"q{number}", one.question, answers, not answers, contexts.index(one.context)))
    split = SquadSplit(questions, contexts, "train.json")
    pair = PairTokenizer(tokenizer, *SPECIAL[kind], vocabulary_size=300)
    chosen = WindowSettings(max_length=max_length, overlap=overlap)
    return cut_windows(Path("train"), split, encode_split(tokenizer, split), pair=pair, settings=chosen)


def test_windows_overlap_by_tokens_and_the_answer_is_marked_where_it_is_whole(tokenizers: Any) -> None:
    # [CLS] a [SEP] leaves four of eight places for b c d e f g, of which two are shared.
    windows = cut(tokenizers["bert"](), "bert", [Asked("b c d e f g", " a", 6, 9)], max_length=8, overlap=2)

    assert [windows.tokens.row(row).tolist() for row in range(len(windows))] == [
        [2, 100, 3, 101, 102, 103, 104, 3],
        [2, 100, 3, 103, 104, 105, 106, 3],
    ]
    assert windows.context_start.tolist() == [3, 3]
    assert windows.context_length.tolist() == [4, 4]
    assert windows.first_context_token.tolist() == [0, 2]
    assert windows.question.tolist() == [0, 0]
    assert windows.answer_start.tolist() == [0, 4]
    assert windows.answer_end.tolist() == [0, 5]
    assert windows.token_spans.row(0).tolist() == [[0, 1], [2, 3], [4, 5], [6, 7], [8, 9], [10, 11]]
    assert windows.tokens.values.dtype == np.uint16


def test_the_shared_tokens_may_hold_the_answer_twice(tokenizers: Any) -> None:
    windows = cut(tokenizers["bert"](), "bert", [Asked("b c d e f g", "a", 4, 7)], max_length=8, overlap=2)

    assert windows.answer_start.tolist() == [5, 3]
    assert windows.answer_end.tolist() == [6, 4]


def test_a_window_ends_with_the_context(tokenizers: Any) -> None:
    asked = [Asked("b c d e", "a", 0, 0), Asked("b c d e f", "a", 8, 9), Asked("b c d e f g h", "", 0, 0)]

    windows = cut(tokenizers["bert"](), "bert", asked, max_length=8, overlap=2)

    assert windows.question.tolist() == [0, 1, 1, 2, 2]
    assert windows.first_context_token.tolist() == [0, 0, 2, 0, 3]
    assert windows.context_length.tolist() == [4, 4, 3, 5, 4]
    assert windows.answer_start.tolist() == [0, 0, 5, 0, 0]
    assert windows.answer_end.tolist() == [0, 0, 5, 0, 0]


def test_of_repeated_answers_the_given_place_is_marked(tokenizers: Any) -> None:
    asked = [Asked("Paris, Paris.", "a", 0, 5), Asked("Paris, Paris.", "a", 7, 12)]

    windows = cut(tokenizers["bert"](), "bert", asked, max_length=12, overlap=2)

    assert windows.tokens.row(1).tolist() == [2, 100, 3, 11, 13, 11, 12, 3]
    assert windows.answer_start.tolist() == [3, 5]
    assert windows.answer_end.tolist() == [3, 5]


def test_an_answer_inside_tokens_marks_them(tokenizers: Any) -> None:
    # "aris, P" begins inside the first paris and ends inside the second.
    windows = cut(tokenizers["bert"](), "bert", [Asked("Paris, Paris.", "a", 1, 8)], max_length=12, overlap=2)

    assert windows.answer_start.tolist() == [3]
    assert windows.answer_end.tolist() == [5]


def test_an_answer_that_begins_in_the_last_token_is_marked_there(tokenizers: Any) -> None:
    windows = cut(tokenizers["bert"](), "bert", [Asked("b c", "a", 2, 3)], max_length=8, overlap=2)

    assert windows.answer_start.tolist() == [4]
    assert windows.answer_end.tolist() == [4]


def test_bytes_of_one_character_share_its_span(tokenizers: Any) -> None:
    # é is two bytes, and so two tokens; " the" is one, its span without the space.
    windows = cut(tokenizers["roberta"](), "roberta", [Asked("é the é", "  he", 6, 7)], max_length=16, overlap=2)

    assert windows.token_spans.row(0).tolist() == [[0, 1], [0, 1], [2, 5], [6, 6], [6, 7], [6, 7]]
    assert windows.tokens.row(0)[:4].tolist() == [0, 260, 2, 2]
    assert windows.context_start.tolist() == [4]
    assert windows.answer_start.tolist() == [9]
    assert windows.answer_end.tolist() == [8]


def test_a_piece_that_holds_several_characters_spans_them(tokenizers: Any) -> None:
    # ﬁ is normalised to f and i, which both have its span; the mark of a word's begin has none of its own
    windows = cut(tokenizers["xlm-roberta"](), "xlm-roberta", [Asked("the ﬁ é東", "a", 6, 8)], max_length=16, overlap=2)

    assert windows.tokens.row(0).tolist() == [0, 4, 6, 2, 2, 5, 4, 11, 14, 4, 32, 33, 2]
    assert windows.token_spans.row(0).tolist() == [[0, 3], [4, 5], [4, 5], [4, 5], [6, 7], [6, 7], [7, 8]]
    assert (windows.answer_start.tolist(), windows.answer_end.tolist()) == ([10], [11])


def test_a_span_may_include_the_space_before_a_word(tokenizers: Any) -> None:
    windows = cut(tokenizers["modernbert"](), "modernbert", [Asked("a the", "a", 2, 5)], max_length=16, overlap=2)

    assert windows.token_spans.row(0).tolist() == [[0, 1], [1, 5]]
    assert (windows.answer_start.tolist(), windows.answer_end.tolist()) == ([4], [4])


def test_a_context_without_a_token_is_a_window_of_its_own(tokenizers: Any) -> None:
    asked = [Asked("b", "a", 0, 1), Asked("\u200b", "a", 0, 1), Asked("c", "a", 0, 1)]

    windows = cut(tokenizers["bert"](), "bert", asked, max_length=8, overlap=2)

    assert windows.tokens.row(1).tolist() == [2, 100, 3, 3]
    assert windows.context_length.tolist() == [1, 0, 1]
    assert windows.answer_start.tolist() == [3, 0, 3]


def test_large_vocabularies_take_four_bytes(tokenizers: Any) -> None:
    tokenizer = tokenizers["bert"]()
    split = SquadSplit([Question("q", "a", (), True, 0)], ["b"], "train.json")
    pair = PairTokenizer(tokenizer, (2,), (3,), (65536,), vocabulary_size=65537)

    windows = cut_windows(
        Path("train"), split, encode_split(tokenizer, split), pair=pair, settings=WindowSettings(8, 2)
    )

    assert windows.tokens.values.dtype == np.int32
    assert windows.tokens.row(0).tolist() == [2, 100, 3, 101, 65536]


@pytest.mark.parametrize(
    ("question", "message"),
    [
        (
            "a a a",
            r"'q1' leaves room for 2 of its context's 6 tokens in a window of 8, of which ",
        ),
        ("a a a a a", r"'q1' leaves room for 0 of its context's 6 tokens in a window of 8"),
        ("a a a a a a a", r"'q1' leaves room for 0 of its context's 6 tokens in a window of 8"),
    ],
)
def test_a_question_that_no_window_gets_past_is_named(tokenizers: Any, question: str, message: str) -> None:
    asked = [Asked("b c d e f g", "a", 0, 1), Asked("b c d e f g", question, 0, 1)]

    with pytest.raises(BadInput, match=message):
        cut(tokenizers["bert"](), "bert", asked, max_length=8, overlap=2)


def test_all_such_questions_are_named(tokenizers: Any) -> None:
    asked = [Asked("b c d e f g", " a" * 4, 0, 1), Asked("b c d e f g", " a" * 5, 0, 1)]

    with pytest.raises(BadInput) as error:
        cut(tokenizers["bert"](), "bert", asked, max_length=8, overlap=2)

    title, *lines = str(error.value).split("\n")
    assert title == "train.json has 2 bad entries:"
    assert [line[:34] for line in lines] == [
        "  question 'q0' leaves room for 1 ",
        "  question 'q1' leaves room for 0 ",
    ]
    assert all(line.endswith("; raise features.max_length or lower features.overlap") for line in lines)


def test_a_long_question_on_a_short_context_needs_no_progress(tokenizers: Any) -> None:
    windows = cut(tokenizers["bert"](), "bert", [Asked("b", "a a a a", 0, 1)], max_length=8, overlap=2)

    assert windows.tokens.row(0).tolist() == [2, 100, 100, 100, 100, 3, 101, 3]


# The same windows as the question-answering example makes with transformers' tokenizer. Its walk to the first token
# runs on over the padding where the answer begins in the window's last context token; that alone is left out.


class Window(NamedTuple):
    tokens: List[int]
    first_context_token: Optional[Tuple[int, int]]
    start: int
    end: int


def as_the_example(wrapped: Any, asked: Asked, max_length: int, overlap: int) -> List[Window]:
    """Encode one pair with overflowing windows, and walk to the answer character by character."""
    encoded = wrapped(
        asked.question.lstrip(),
        asked.context,
        truncation="only_second",
        max_length=max_length,
        stride=overlap,
        return_overflowing_tokens=True,
        return_offsets_mapping=True,
    )
    windows = []
    for number, (tokens, spans) in enumerate(zip(encoded["input_ids"], encoded["offset_mapping"])):
        inside = [place for place, side in enumerate(encoded.sequence_ids(number)) if side == 1]
        start, end = inside[0], inside[-1]
        if asked.start == asked.end or spans[start][0] > asked.start or spans[end][1] < asked.end:
            windows.append(Window(tokens, spans[inside[0]], 0, 0))
            continue
        while start < inside[-1] and spans[start + 1][0] <= asked.start:
            start += 1
        while end > inside[0] and spans[end - 1][1] >= asked.end:
            end -= 1
        windows.append(Window(tokens, spans[inside[0]], start, end))
    return windows


def ours(windows: QuestionWindows, question: int) -> List[Window]:
    spans = windows.token_spans.row(int(windows.question_context[question])).tolist()
    return [
        Window(
            windows.tokens.row(row).tolist(),
            tuple(spans[windows.first_context_token[row]]),
            int(windows.answer_start[row]),
            int(windows.answer_end[row]),
        )
        for row in np.flatnonzero(windows.question == question)
    ]


PLAIN = ["the", "Paris", "in", "others,", "8th", ".", "", "\t"]
STRANGE = ["é", "e\u0301", "Zürich", "İ", "ﬁn", "東京", "🙂", "\u200b", "\u2028"]
words = st.sampled_from(PLAIN + STRANGE)
texts = st.lists(words, min_size=1, max_size=40).map(" ".join)


@st.composite
def questions(draw: st.DrawFn) -> Asked:
    context = draw(texts)
    start = draw(st.integers(0, len(context)))
    end = draw(st.integers(start, len(context)))
    return Asked(context, draw(st.lists(words, max_size=6).map(" ".join)), start, end)


@pytest.mark.parametrize("kind", SPECIAL)
def test_windows_equal_the_examples(kind: str, tokenizers: Dict[str, Callable[[], Tokenizer]]) -> None:
    tokenizer = tokenizers[kind]()
    wrapped = PreTrainedTokenizerFast(tokenizer_object=tokenizers[kind]())

    @settings(deadline=None, max_examples=60)
    @given(st.lists(questions(), min_size=1, max_size=4), st.integers(12, 60), st.integers(0, 7))
    @example([Asked("the the the", "  the", 4, 7), Asked("the the the", "", 8, 11)], 12, 0)
    def agree(asked: List[Asked], max_length: int, overlap: int) -> None:
        for one in asked:
            length = len(tokenizer.encode(one.context, add_special_tokens=False))
            question = len(tokenizer.encode(one.question.lstrip(), add_special_tokens=False))
            room = max_length - question - tokenizer.num_special_tokens_to_add(is_pair=True)
            assume(0 < length <= room or (length > 0 and room > overlap))

        windows = cut(tokenizer, kind, asked, max_length=max_length, overlap=overlap)

        for number, one in enumerate(asked):
            assert ours(windows, number) == as_the_example(wrapped, one, max_length, overlap)

    agree()
