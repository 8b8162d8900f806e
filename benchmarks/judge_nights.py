"""What the gate lets pass: nights in a row, each a little worse or as good, and single models by number of examples.

    python benchmarks/judge_nights.py [--chains 12] [--repetitions 200] [--seed 0]

Answers are simulated and judged by the project's own gate, with its defaults. A night that loses gets some right
answers of the night before wrong and no other changes; models that are trained anew disagree with each other on one
question in ten, and more where one is better.
"""

import argparse
from dataclasses import replace
from typing import Callable, List, Optional

import numpy as np
from podtune.steps.compare.evaluated import Champion, Evaluated, ScoredExample
from podtune.steps.compare.gate import judge
from podtune.steps.compare.settings import GateSettings, SliceSettings

SIZES = (500, 1000, 2000, 5000, 10_570)
EFFECTS = {"equal": 0.0, "one better": 1.0, "one worse": -1.0, "two worse": -2.0}
RIGHT = 84.65
"""Percent of the questions that the first model answers."""

FEW = 0.08
"""Share of the questions that are a subset."""

DISAGREE = 0.10
"""Share of the questions on which two equal models disagree."""

Night = Callable[[np.ndarray], np.ndarray]
"""What the model before answered right to what the next one does."""


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--chains", type=int, default=12)
    parser.add_argument("--repetitions", type=int, default=200, help="models for each number in the second table")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    settings = GateSettings("exact_match")
    random = np.random.default_rng(arguments.seed)
    _nights(settings, random, arguments.chains)
    _single_models(settings, random, arguments.repetitions)
    _subset(settings, random, arguments.chains)


def _nights(settings: GateSettings, random: np.random.Generator, chains: int) -> None:
    print(f"{chains} chains of nights on {SIZES[-1]:,} questions, the first model at {RIGHT} (means of the chains)")
    print("each night                nights  live only: accepted  at last   and the best: accepted  at last")
    chances = _chances(random, SIZES[-1])

    def equal(_: np.ndarray) -> np.ndarray:
        return _trained(random, chances, 0.0)

    kinds = (("0.2 worse", 31, _losing(random, 0.2)), ("0.4 worse", 10, _losing(random, 0.4)))
    for label, nights, night in (*kinds, ("equal, trained anew", 31, equal)):
        columns = []
        for with_anchor in (False, True):
            ends = [_chain(_trained(random, chances, 0.0), night, nights, settings, with_anchor) for _ in range(chains)]
            columns.append(np.mean(ends, axis=0))
        (before, last_before), (after, last_after) = columns
        print(f"{label:24} {nights:7} {before:20.1f} {last_before:8.2f} {after:24.1f} {last_after:8.2f}", flush=True)


def _chain(first: np.ndarray, night: Night, nights: int, settings: GateSettings, with_anchor: bool) -> List[float]:
    """How many models were accepted, and what the live one gets right at last, in percent."""
    live, best, candidate, accepted = first, first, first, 0
    for number in range(nights):
        candidate = night(candidate)
        anchor = _release(best) if with_anchor else None
        if judge(_evaluated(candidate, str(number)), _release(live), settings, anchor).decision == "accept":
            live, accepted = candidate, accepted + 1
            best = candidate if candidate.mean() > best.mean() else best
    return [accepted, 100.0 * live.mean()]


def _single_models(settings: GateSettings, random: np.random.Generator, repetitions: int) -> None:
    print(f"\naccepted, and too few examples to tell, in percent of {repetitions} models (default tolerance)")
    print(f"examples {''.join(f'{effect:>14}' for effect in EFFECTS)}")
    for examples in SIZES:
        chances = _chances(random, examples)
        cells = []
        for effect in EFFECTS.values():
            pairs = ((_trained(random, chances, 0.0), _trained(random, chances, effect)) for _ in range(repetitions))
            judged = [judge(_evaluated(new, "new"), _release(old), settings) for old, new in pairs]
            accepted = np.mean([one.decision == "accept" for one in judged])
            unsure = np.mean([one.finding == "too few examples to tell" for one in judged])
            cells.append(f"{100 * accepted:8.1f} {100 * unsure:5.1f}")
        print(f"{examples:8,} {''.join(cells)}", flush=True)


def _subset(settings: GateSettings, random: np.random.Generator, repetitions: int) -> None:
    """A model that loses on some questions what it gains on the others, and one that loses nowhere."""
    print(f"\naccepted of {repetitions} models on {SIZES[-1]:,} questions, of which {FEW:.0%} are a subset")
    print("on the subset     on all only   with subsets")
    chances = _chances(random, SIZES[-1])
    few = np.arange(len(chances)) < FEW * len(chances)
    for lost in (11.9, 0.0):
        new = np.where(few, chances * (1 - lost / 100 / chances[few].mean()), chances)
        new[~few] += (1 - chances[~few]) * lost / 100 * FEW / (1 - FEW) / (1 - chances[~few]).mean()
        counts = []
        for slices in (SliceSettings(at_least=len(chances)), None):
            gate = replace(settings, slices=slices)
            pairs = ((random.random(len(chances)) < new, _trained(random, chances, 0.0)) for _ in range(repetitions))
            judged = (judge(_evaluated(one, "new"), _release(old), gate).decision for one, old in pairs)
            counts.append(list(judged).count("accept"))
        print(f"{0.0 - lost:13.1f} {counts[0]:15} {counts[1]:14}", flush=True)


def _chances(random: np.random.Generator, examples: int) -> np.ndarray:
    """Each question's chance to be answered, so that two models disagree on as many as DISAGREE says."""
    mean = RIGHT / 100
    spread = mean * (1 - mean) / (mean * (1 - mean) - DISAGREE / 2) - 1
    return random.beta(mean * spread, (1 - mean) * spread, size=examples)


def _trained(random: np.random.Generator, chances: np.ndarray, points: float) -> np.ndarray:
    """What a model gets right that is better by so many points."""
    room = chances if points < 0 else 1 - chances
    shifted = chances + room * (points / 100) / room.mean()
    right: np.ndarray = random.random(len(chances)) < shifted
    return right


def _losing(random: np.random.Generator, points: float) -> Night:
    def night(right: np.ndarray) -> np.ndarray:
        lost = random.choice(np.flatnonzero(right), size=round(len(right) * points / 100), replace=False)
        kept = right.copy()
        kept[lost] = False
        return kept

    return night


def _release(right: Optional[np.ndarray]) -> Optional[Champion]:
    return None if right is None else Champion(str(hash(right.tobytes())), _evaluated(right, "released"))


def _evaluated(right: np.ndarray, checkpoint: str) -> Evaluated:
    scores = {str(row): 100.0 * score for row, score in enumerate(right)}
    parts = ["few" if row < FEW * len(right) else "many" for row in range(len(right))]
    examples = {
        name: ScoredExample({"exact_match": score}, "", {"part": part})
        for (name, score), part in zip(scores.items(), parts)
    }
    metrics = {"exact_match": 100.0 * float(right.mean())}
    return Evaluated(checkpoint, checkpoint, "questions", metrics, scores, ("exact_match",), examples)


if __name__ == "__main__":
    main()
