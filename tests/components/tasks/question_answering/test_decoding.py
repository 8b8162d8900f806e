from pathlib import Path
from typing import Dict, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from podtune.formats.ragged import Ragged, offsets_of
from podtune.tasks.question_answering.decoding import Decoded, decode, decode_or_abstain
from podtune.tasks.question_answering.settings import EvaluationSettings
from podtune.tasks.question_answering.windows import QuestionWindows

CONTEXT = "the red fox and the old dog"
FAR_BELOW = -90.0


class Piece(NamedTuple):
    """A window: [CLS] one question token [SEP] context tokens [SEP]."""

    question: int
    first: int
    length: int


def windows_of(
    pieces: Sequence[Piece], spans: Sequence[Sequence[Tuple[int, int]]], asks: Sequence[int]
) -> QuestionWindows:
    """Cut windows of contexts whose tokens have the given character spans; question i asks about context asks[i]."""
    lengths = np.array([4 + piece.length for piece in pieces])
    return QuestionWindows(
        directory=Path("unused"),
        tokens=Ragged(np.zeros(lengths.sum(), dtype=np.uint16), offsets_of(lengths)),
        context_start=np.full(len(pieces), 3, dtype=np.int32),
        context_length=np.array([piece.length for piece in pieces], dtype=np.int32),
        first_context_token=np.array([piece.first for piece in pieces], dtype=np.int32),
        question=np.array([piece.question for piece in pieces], dtype=np.int32),
        answer_start=np.zeros(len(pieces), dtype=np.int32),
        answer_end=np.zeros(len(pieces), dtype=np.int32),
        token_spans=Ragged(
            np.array([span for context in spans for span in context], dtype=np.int32).reshape(-1, 2),
            offsets_of(np.array([len(context) for context in spans])),
        ),
        question_context=np.array(asks, dtype=np.int32),
    )


def word_spans(context: str) -> List[Tuple[int, int]]:
    starts = [0] + [place + 1 for place, character in enumerate(context) if character == " "]
    return [(start, start + len(word)) for start, word in zip(starts, context.split(" "))]


def ask(*pieces: Piece) -> QuestionWindows:
    """One question about CONTEXT, in the given windows; in one whole window where none is given."""
    return windows_of(pieces or [Piece(0, 0, 7)], [word_spans(CONTEXT)], [0])


def logits(windows: QuestionWindows, start: Dict[int, float], end: Dict[int, float]) -> Dict[str, np.ndarray]:
    """Logits that are far below zero but at the given tokens, counted over all windows."""
    arrays = {name: np.full(len(windows.tokens.values), FAR_BELOW, dtype=np.float32) for name in ("start", "end")}
    for name, peaks in (("start", start), ("end", end)):
        arrays[name][list(peaks)] = list(peaks.values())
    return {f"{name}_logits": array for name, array in arrays.items()}


def answer(decoded: Decoded, question: int = 0, context: str = CONTEXT) -> str:
    return decoded.text(int(decoded.answers[question]), context)


def test_the_answer_is_the_span_with_the_highest_sum() -> None:
    windows = ask()
    outputs = logits(windows, {4: 2.0, 7: 1.0}, {5: 2.0, 9: 1.0})

    decoded = decode(windows, outputs, EvaluationSettings(n_best=2))

    assert answer(decoded) == "red fox"
    assert [decoded.text(row, CONTEXT) for row in range(2)] == ["red fox", "red fox and the old dog"]
    assert decoded.candidates.score.tolist() == [4.0, 3.0]
    assert decoded.probabilities.tolist() == pytest.approx([0.7310585786300049, 0.2689414213699951])


def test_the_space_that_a_token_begins_with_is_no_part_of_an_answer() -> None:
    spans = [(start - (start > 0), end) for start, end in word_spans(CONTEXT)]
    windows = windows_of([Piece(0, 0, 7)], [spans], [0])

    decoded = decode(windows, logits(windows, {4: 5.0}, {5: 5.0}), EvaluationSettings())

    assert decoded.text(int(decoded.answers[0]), CONTEXT) == "red fox"
    assert decoded.characters(int(decoded.answers[0]), CONTEXT) == (4, 11)


def test_an_end_before_its_start_is_no_answer() -> None:
    windows = ask()
    outputs = logits(windows, {7: 5.0, 4: 1.0}, {5: 5.0, 8: -3.0})

    assert answer(decode(windows, outputs, EvaluationSettings())) == "red fox"


@pytest.mark.parametrize(("max_answer_length", "text"), [(3, "fox and the"), (2, "old"), (1, "old")])
def test_an_answer_has_at_most_so_many_tokens(max_answer_length: int, text: str) -> None:
    windows = ask()
    outputs = logits(windows, {5: 5.0, 8: 1.0}, {7: 5.0, 8: 1.0})

    assert answer(decode(windows, outputs, EvaluationSettings(n_best=2, max_answer_length=max_answer_length))) == text


def test_tokens_outside_of_the_context_take_places_among_the_n_best() -> None:
    windows = ask()
    outputs = logits(windows, {0: 9.0, 1: 8.0, 4: 7.0}, {4: 1.0})

    assert answer(decode(windows, outputs, EvaluationSettings(n_best=3))) == "red"
    assert answer(decode(windows, outputs, EvaluationSettings(n_best=2))) == "empty"
    assert decode(windows, outputs, EvaluationSettings(n_best=2)).probabilities.tolist() == [1.0]


@pytest.mark.parametrize(("low", "high"), [(1.0, 1.0), (0.0, -0.0), (-0.0, 0.0)])
def test_equal_logits_rank_from_the_back_of_the_window(low: float, high: float) -> None:
    windows = ask()
    outputs = logits(windows, {4: low, 5: high}, {5: low, 6: high})

    assert answer(decode(windows, outputs, EvaluationSettings())) == "fox and"


def test_the_best_span_of_all_windows_answers_and_the_first_of_equal_ones() -> None:
    windows = ask(Piece(0, 0, 4), Piece(0, 2, 4), Piece(0, 3, 4))
    outputs = logits(windows, {3: 1.0, 12: 2.0, 22: 2.0}, {3: 1.0, 12: 2.0, 22: 2.0})

    assert answer(decode(windows, outputs, EvaluationSettings())) == "and"


def test_scores_are_sums_in_float32() -> None:
    windows = ask()
    outputs = logits(windows, {4: 16777216.0, 6: 16777216.0}, {5: 1.0, 6: 0.5})

    assert answer(decode(windows, outputs, EvaluationSettings(n_best=2))) == "and"


@pytest.mark.parametrize(
    ("null", "threshold", "text"), [(3.0, 0.0, "fox"), (4.0, 0.0, "fox"), (5.0, 0.0, ""), (5.0, 1.0, "fox")]
)
def test_no_answer_wins_by_more_than_the_threshold(null: float, threshold: float, text: str) -> None:
    windows = ask()
    outputs = logits(windows, {0: null, 5: 3.0}, {0: 0.0, 5: 1.0})

    decoded = decode_or_abstain(windows, outputs, EvaluationSettings(null_score_threshold=threshold))

    assert answer(decoded) == text


def test_the_least_sure_window_says_how_likely_no_answer_is() -> None:
    windows = ask(Piece(0, 0, 4), Piece(0, 3, 4))
    outputs = logits(windows, {0: 9.0, 8: 2.0, 5: 3.0}, {0: 0.0, 8: 0.0, 5: 0.0})

    decoded = decode_or_abstain(windows, outputs, EvaluationSettings(n_best=2))

    assert answer(decoded) == "fox"
    assert decoded.candidates.score.tolist() == [3.0, 2.0]


def test_the_null_stays_a_candidate_however_low_its_score() -> None:
    windows = ask()
    outputs = logits(windows, {4: 2.0, 0: 1.0}, {4: 2.0, 0: 1.0})

    decoded = decode_or_abstain(windows, outputs, EvaluationSettings(n_best=1))

    assert answer(decoded) == "red"
    assert decoded.candidates.score.tolist() == [4.0, 2.0]
    assert decoded.probabilities.tolist() == pytest.approx([0.8807970779778823, 0.11920292202211755])


def test_without_any_span_the_placeholder_scores_zero_against_the_null() -> None:
    windows = ask()
    settings = EvaluationSettings(n_best=1)

    assert answer(decode_or_abstain(windows, logits(windows, {0: 1.0}, {0: 1.0}), settings)) == ""
    assert answer(decode_or_abstain(windows, logits(windows, {0: -1.0}, {0: -1.0}), settings)) == "empty"


def test_candidates_that_all_say_nothing_are_no_answer() -> None:
    windows = windows_of([Piece(0, 0, 2)], [[(3, 3), (4, 4)]], [0])
    outputs = logits(windows, {3: 3.0}, {3: 3.0, 4: 2.0})

    decoded = decode_or_abstain(windows, outputs, EvaluationSettings(n_best=1))

    assert answer(decoded) == ""


VALUES = st.one_of(st.integers(-3, 3).map(float), st.floats(-9, 9, width=32))


@st.composite
def problems(draw: st.DrawFn) -> Tuple[QuestionWindows, List[str], Dict[str, np.ndarray]]:
    """Up to three questions on two contexts, some tokens empty, some windows overlapping; and logits."""
    contexts = [draw(st.lists(st.integers(0, 2), min_size=1, max_size=7)) for _ in range(2)]
    spans, texts = [], []
    for lengths in contexts:
        ends = np.cumsum(np.array(lengths) + 1)
        spans.append([(int(end) - length, int(end)) for length, end in zip(lengths, ends)])
        texts.append("abcdefghijklmnopqrstuvw"[: ends[-1]])
    asks = draw(st.lists(st.integers(0, 1), min_size=1, max_size=3))
    pieces = []
    for question, context in enumerate(asks):
        for _ in range(draw(st.integers(1, 3))):
            first = draw(st.integers(0, len(spans[context]) - 1))
            pieces.append(Piece(question, first, draw(st.integers(1, len(spans[context]) - first))))
    windows = windows_of(pieces, spans, asks)
    total = len(windows.tokens.values)
    values = st.lists(VALUES, min_size=total, max_size=total).map(lambda drawn: np.array(drawn, dtype=np.float32))
    return windows, texts, {"start_logits": draw(values), "end_logits": draw(values)}


@settings(max_examples=60, deadline=None)
@given(problem=problems(), n_best=st.integers(1, 12), longest=st.integers(1, 5), threshold=st.sampled_from([0.0, 1.5]))
def test_answers_equal_the_published_loops(
    problem: Tuple[QuestionWindows, List[str], Dict[str, np.ndarray]], n_best: int, longest: int, threshold: float
) -> None:
    windows, texts, outputs = problem
    chosen = EvaluationSettings(n_best=n_best, max_answer_length=longest, null_score_threshold=threshold)

    decoded, abstained = decode(windows, outputs, chosen), decode_or_abstain(windows, outputs, chosen)

    for question, context in enumerate(windows.question_context):
        expected = loops(problem, question, chosen, null=False)
        assert answer(decoded, question, texts[context]) == expected.text
        assert probabilities(decoded, question) == pytest.approx(expected.probabilities)
        expected = loops(problem, question, chosen, null=True)
        assert answer(abstained, question, texts[context]) == expected.text
        assert probabilities(abstained, question) == pytest.approx(expected.probabilities)


def probabilities(decoded: Decoded, question: int) -> List[float]:
    start, end = decoded.offsets[question : question + 2]
    return decoded.probabilities[start:end].tolist()  # type: ignore[no-any-return]


class Expected(NamedTuple):
    text: str
    probabilities: List[float]


class Span(NamedTuple):
    text: str
    start: np.float32
    end: np.float32


def loops(
    problem: Tuple[QuestionWindows, List[str], Dict[str, np.ndarray]],
    question: int,
    chosen: EvaluationSettings,
    null: bool,
) -> Expected:
    """One question's answer as the published post-processing finds it, pair by pair."""
    windows, texts, outputs = problem
    found: List[Span] = []
    least: Optional[Span] = None
    for window in np.flatnonzero(windows.question == question):
        first, last = windows.tokens.offsets[window : window + 2]
        start, end = outputs["start_logits"][first:last], outputs["end_logits"][first:last]
        if least is None or least.start + least.end > start[0] + end[0]:
            least = Span("", start[0], end[0])
        context = windows.question_context[question]
        found += spans_of_window(windows, window, texts[context], start, end, chosen)
    ranked = sorted([*found, *([least] if null else [])], key=lambda span: span.start + span.end, reverse=True)
    ranked = ranked[: chosen.n_best]
    if null and not any(span is least for span in ranked):
        ranked.append(least)
    if not ranked or (len(ranked) == 1 and ranked[0].text == ""):
        ranked.insert(0, Span("empty", np.float32(0), np.float32(0)))
    scores = np.array([span.start + span.end for span in ranked], dtype=np.float64)
    weights = np.exp(scores - scores.max())
    text = ranked[0].text
    if null:
        speaking = [span for span in ranked if span.text]
        beaten = (
            speaking and least.start + least.end - speaking[0].start - speaking[0].end <= chosen.null_score_threshold
        )
        text = speaking[0].text if beaten else ""
    return Expected(text, (weights / weights.sum()).tolist())


def spans_of_window(
    windows: QuestionWindows, window: int, context: str, start: np.ndarray, end: np.ndarray, chosen: EvaluationSettings
) -> List[Span]:
    """The spans of one window, in the order in which the two loops meet them."""
    inside = range(windows.context_start[window], windows.context_start[window] + windows.context_length[window])
    characters = windows.token_spans.row(windows.question_context[windows.question[window]])
    shift = windows.first_context_token[window] - windows.context_start[window]
    found = []
    for first in np.argsort(start, kind="stable")[::-1][: chosen.n_best]:
        for last in np.argsort(end, kind="stable")[::-1][: chosen.n_best]:
            if first in inside and last in inside and 0 <= last - first < chosen.max_answer_length:
                text = context[characters[first + shift][0] : characters[last + shift][1]]
                found.append(Span(text, start[first], end[last]))
    return found
