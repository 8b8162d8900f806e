"""METEOR 1.5, where its Java program is installed: that counts what captions share, and the score is worked out here.

The program is not part of podtune (LGPL). PODTUNE_METEOR_JAR names its meteor-1.5.jar, beside which lies its folder
`data`.
"""

import logging
import shutil
import subprocess
from pathlib import Path
from typing import List, Optional, Sequence

import numpy as np

from podtune.environment import METEOR_JAR
from podtune.tasks.image_captioning.metrics import Words

_log = logging.getLogger(__name__)

# What the program prints of each caption: words, function words, matches by stage and kind, runs, words matched.
_NUMBERS = 23
_STAGES = slice(4, 20)
_RUNS = 20
_OPTIONS = ("-", "-", "-stdio", "-l", "en", "-norm")
_SECONDS_TO_START, _SECONDS_PER_IMAGE = 120.0, 0.25

# English's parameters of version 1.5.
_STAGE_WEIGHTS = np.array([1.0, 0.6, 0.8, 0.6])  # the word, its stem, a synonym, a paraphrase
_RECALL_WEIGHT, _EXPONENT, _PENALTY, _CONTENT_WEIGHT = 0.85, 0.2, 0.6, 0.75


def meteor_statistics(predictions: Sequence[Words], references: Sequence[Sequence[Words]]) -> Optional[np.ndarray]:
    """float64 [images, 23]: what the program counts in each prediction; None, and why in the log, where it cannot."""
    jar, java = METEOR_JAR.value(), shutil.which("java")
    if not jar:
        _log.info("METEOR is left out: set %s to the path of meteor-1.5.jar to have it", METEOR_JAR.name)
        return None
    if java is None:
        _log.warning("METEOR is left out: %s is set, but no java is on the PATH", METEOR_JAR.name)
        return None
    if not Path(jar).is_file():
        _log.warning("METEOR is left out: %s must name meteor-1.5.jar; there is no file %s", METEOR_JAR.name, jar)
        return None
    command = [java, "-Dfile.encoding=UTF-8", "-Xmx2G", "-jar", jar, *_OPTIONS]
    lines = [
        " ||| ".join(["SCORE", *map(" ".join, true), " ".join(words)]) for words, true in zip(predictions, references)
    ]
    return _ask(command, lines)


def meteor(statistics: np.ndarray) -> float:
    """METEOR in percent over the images with these statistics: one score for all, not the mean of theirs."""
    statistics = statistics.copy()
    statistics[_wholly_alike(statistics), _RUNS] = 0
    sums = statistics.sum(axis=0)
    words, true_words, function_words, true_function_words = sums[:4]
    content, true_content, function, true_function = _STAGE_WEIGHTS @ sums[_STAGES].reshape(4, 4)
    precision = _quotient(_mixed(content, function), _mixed(words - function_words, function_words))
    recall = _quotient(
        _mixed(true_content, true_function), _mixed(true_words - true_function_words, true_function_words)
    )
    runs, matched, true_matched = sums[_RUNS:]
    scattered = _quotient(runs, (matched + true_matched) / 2)
    mean = _quotient(precision * recall, _RECALL_WEIGHT * precision + (1 - _RECALL_WEIGHT) * recall)
    return float(100 * mean * (1 - _PENALTY * scattered**_EXPONENT))


def _ask(command: List[str], lines: List[str]) -> Optional[np.ndarray]:
    """Give the program all lines, read one answer for each."""
    allowed = _SECONDS_TO_START + _SECONDS_PER_IMAGE * len(lines)
    lines_in = "".join(f"{line}\n" for line in lines).encode()
    try:
        ran = subprocess.run(command, input=lines_in, capture_output=True, timeout=allowed, check=False)  # noqa: S603  # a list
    except subprocess.TimeoutExpired:
        _log.warning("METEOR is left out: java did not end within %.0f s", allowed)
        return None
    answers = ran.stdout.decode(errors="replace").splitlines()
    try:
        statistics = np.array([answer.split() for answer in answers], dtype=np.float64)
    except ValueError:
        statistics = np.empty(0)
    if ran.returncode or statistics.shape != (len(lines), _NUMBERS):
        said = (ran.stderr or ran.stdout).decode(errors="replace").strip().splitlines()
        _log.warning("METEOR is left out: java ended with %s and said %r", ran.returncode, said[-1] if said else "")
        return None
    return statistics


def _wholly_alike(statistics: np.ndarray) -> np.ndarray:
    """Where every word matches in one run, which counts as none; bool [images]."""
    words, true_words, runs, matched, true_matched = statistics[:, [0, 1, 20, 21, 22]].T
    return np.asarray((runs == 1) & (matched == words) & (true_matched == true_words))


def _mixed(content: float, function: float) -> float:
    return _CONTENT_WEIGHT * content + (1 - _CONTENT_WEIGHT) * function


def _quotient(value: float, divisor: float) -> float:
    return value / divisor if divisor else 0.0
