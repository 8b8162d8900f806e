"""Seconds to answer a whole split: podtune's decoding against the loops of transformers' question-answering example.

    python benchmarks/decode_squad.py --data dev-v1.1.json --model DIRECTORY [--rounds 5]

DIRECTORY holds tokenizer.json, tokenizer_config.json and config.json. The logits are drawn: noise, with peaks around
each first answer and around as many wrong positions. Both sides start with logits and offsets in memory, the loops with
Python lists, which spares them reading a data set's rows; they take turns in one process, on one thread. At the end
every answer and its probability must agree.
"""

import argparse
import statistics
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np
from podtune.formats.raw_data import DataFile
from podtune.tasks.question_answering.decoding import Decoded, decode, decode_or_abstain
from podtune.tasks.question_answering.settings import EvaluationSettings
from podtune.tasks.question_answering.squad import read_squad
from podtune.tasks.question_answering.windows import QuestionWindows

MAX_LENGTH, OVERLAP = 384, 128
SETTINGS = EvaluationSettings()

Answered = List[Tuple[str, float]]
Decode = Callable[[QuestionWindows, Dict[str, np.ndarray], EvaluationSettings], Decoded]


class Padded(NamedTuple):
    """The input of the example's post-processing."""

    start: np.ndarray
    """float32 [windows, 384]."""

    end: np.ndarray
    offsets: List[List[Optional[Tuple[int, int]]]]
    """Characters of each token of each window; None outside of the context."""

    windows_of: List[List[int]]
    """The windows of each question."""

    contexts: List[str]
    """Of each question."""


def main() -> None:
    """Measure SQuAD 1.1's answers and SQuAD 2.0's."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="a SQuAD file, JSON or Parquet")
    parser.add_argument("--model", type=Path, required=True, help="the directory with the tokenizer")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    windows, contexts = windows_of(arguments)
    outputs = draw_logits(windows)
    padded = pad(windows, outputs, contexts)
    print(f"{len(padded.contexts):,} questions, {len(windows):,} windows, {len(windows.tokens.values):,} tokens")
    for version, ours, null in (("1.1", decode, False), ("2.0", decode_or_abstain, True)):
        sides = (partial(answers, ours, windows, outputs, padded), partial(loops, padded, null))
        measure(version, sides, arguments.rounds)


def measure(version: str, sides: Sequence[Callable[[], Answered]], rounds: int) -> None:
    """Let both sides take turns; print their medians and whether they agree."""
    seconds: List[List[float]] = [[] for _ in sides]
    for _ in range(rounds):
        for times, side in zip(seconds, sides):
            begun = time.perf_counter()
            side()
            times.append(time.perf_counter() - begun)
    for name, times in zip(("podtune", "loops"), seconds):
        print(f"SQuAD {version} {name:8} {statistics.median(times):.3f} s in the median, {min(times):.3f} s at best")
    pairs = list(zip(*(side() for side in sides)))
    same = sum(ours[0] == theirs[0] for ours, theirs in pairs)
    apart = max(abs(ours[1] - theirs[1]) for ours, theirs in pairs)
    ratio = statistics.median(seconds[1]) / statistics.median(seconds[0])
    print(f"{ratio:.1f} times as fast; {same:,} of {len(pairs):,} answers agree, probabilities within {apart:.0e}")


def windows_of(arguments: argparse.Namespace) -> Tuple[QuestionWindows, Sequence[str]]:
    """Cut the data as the tokenize_squad step does."""
    from podtune.tasks.question_answering.encoding import encode_split
    from podtune.tasks.question_answering.pair_tokenizer import open_pair_tokenizer
    from podtune.tasks.question_answering.settings import WindowSettings
    from podtune.tasks.question_answering.window_cutting import cut_windows

    split, _ = read_squad(DataFile(arguments.data))
    pair = open_pair_tokenizer(arguments.model, MAX_LENGTH)
    settings = WindowSettings(max_length=MAX_LENGTH, overlap=OVERLAP)
    with tempfile.TemporaryDirectory() as folder:
        encoded = encode_split(pair.tokenizer, split)
        return cut_windows(Path(folder, "dev"), split, encoded, pair=pair, settings=settings), split.contexts


def draw_logits(windows: QuestionWindows) -> Dict[str, np.ndarray]:
    """Noise around -6, hills of 12 around the labels, and of about 8 around a random position of each window."""
    random = np.random.default_rng(0)
    offsets, lengths = windows.tokens.offsets, windows.lengths
    position = np.arange(offsets[-1]) - np.repeat(offsets[:-1], lengths)
    decoys = random.integers(0, lengths)
    outputs = {}
    for name, labels in (("start_logits", windows.answer_start), ("end_logits", windows.answer_end)):
        logits = random.normal(-6, 1.5, offsets[-1])
        for centres, height in ((labels, 12.0), (decoys, random.normal(8, 2, offsets[-1]))):
            logits += height * np.exp(-np.abs(position - np.repeat(centres, lengths)) / 3)
        outputs[name] = logits.astype(np.float32)
    return outputs


def pad(windows: QuestionWindows, outputs: Dict[str, np.ndarray], contexts: Sequence[str]) -> Padded:
    """The same windows as the example holds them."""
    inside = np.arange(MAX_LENGTH) < windows.lengths[:, None]
    arrays = {name: np.full(inside.shape, -1e4, dtype=np.float32) for name in outputs}
    for name, logits in outputs.items():
        arrays[name][inside] = logits
    offsets: List[List[Optional[Tuple[int, int]]]] = []
    windows_of: List[List[int]] = [[] for _ in windows.question_context]
    for window, question in enumerate(windows.question.tolist()):
        windows_of[question].append(window)
        first, length = windows.first_context_token[window], windows.context_length[window]
        spans = windows.token_spans.row(windows.question_context[question])[first : first + length]
        before = [None] * int(windows.context_start[window])
        offsets.append([*before, *map(tuple, spans.tolist()), *[None] * (MAX_LENGTH - len(before) - len(spans))])
    texts = [contexts[context] for context in windows.question_context]
    return Padded(arrays["start_logits"], arrays["end_logits"], offsets, windows_of, texts)


def answers(ours: Decode, windows: QuestionWindows, outputs: Dict[str, np.ndarray], padded: Padded) -> Answered:
    """Podtune's side."""
    decoded = ours(windows, outputs, SETTINGS)
    texts = [decoded.text(row, context) for row, context in zip(decoded.answers.tolist(), padded.contexts)]
    return list(zip(texts, decoded.probabilities[decoded.answers].tolist()))


def loops(padded: Padded, null: bool) -> Answered:
    """The example's side: every pair of every window of every question."""
    return [answer(padded, question, null) for question in range(len(padded.contexts))]


def answer(padded: Padded, question: int, null: bool) -> Tuple[str, float]:
    """Rank one question's spans; with `null`, weigh the best against no answer."""
    spans: List[Dict[str, Any]] = []
    lowest: Dict[str, Any] = {"score": np.inf}
    for window in padded.windows_of[question]:
        start, end = padded.start[window], padded.end[window]
        if lowest["score"] > start[0] + end[0]:
            lowest = {"span": (0, 0), "score": start[0] + end[0], "start": start[0], "end": end[0]}
        spans += spans_in(start, end, padded.offsets[window])
    ranked = sorted([*spans, lowest] if null else spans, key=lambda span: span["score"], reverse=True)
    ranked = ranked[: SETTINGS.n_best]
    if null and not any(span["span"] == (0, 0) for span in ranked):
        ranked.append(lowest)
    for span in ranked:
        span["text"] = padded.contexts[question][span["span"][0] : span["span"][1]]
    if not ranked or (len(ranked) == 1 and ranked[0]["text"] == ""):
        ranked.insert(0, {"text": "empty", "score": 0.0, "start": 0.0, "end": 0.0})
    scores = np.array([span["score"] for span in ranked])
    weights = np.exp(scores - scores.max())
    for span, probability in zip(ranked, weights / weights.sum()):
        span["probability"] = probability
    best = next(span for span in ranked if span["text"]) if null else ranked[0]
    if null and lowest["score"] - best["start"] - best["end"] > SETTINGS.null_score_threshold:
        best = lowest
    return best["text"], float(best["probability"])


def spans_in(start: np.ndarray, end: np.ndarray, offsets: Sequence[Optional[Tuple[int, int]]]) -> List[Dict[str, Any]]:
    """All pairs of one window's highest starts and ends that lie in its context, in order and close enough."""
    spans: List[Dict[str, Any]] = []
    firsts, lasts = (np.argsort(logits)[: -SETTINGS.n_best - 1 : -1].tolist() for logits in (start, end))
    for first in firsts:
        for last in lasts:
            left, right = offsets[first], offsets[last]
            if left is None or right is None or last < first or last - first + 1 > SETTINGS.max_answer_length:
                continue
            score = start[first] + end[last]
            spans.append({"span": (left[0], right[1]), "score": score, "start": start[first], "end": end[last]})
    return spans


if __name__ == "__main__":
    main()
