"""How often a 95 % interval holds the true value, and how wide it is: the plain bootstrap and the project's own.

    python benchmarks/interval_coverage.py [--repetitions 400] [--correlation 0.035] [--seed 0]

Answers are simulated, right or wrong. Without groups each is drawn alone; with groups the questions of an article have
a chance of their own, from the beta distribution that gives their answers this correlation. Below come differences of
two equally good models. "plain" is the percentile bootstrap over examples, which podtune had
before; "grouped" the percentile bootstrap over whole articles; "ours" is podtune.tasks.intervals.
"""

import argparse
from dataclasses import dataclass
from typing import Callable, Optional, Tuple

import numpy as np
from podtune.tasks.intervals import interval_of_difference, interval_of_mean

SIZES = (50, 500, 10_570)
CHANCES = (0.5, 0.9, 0.99)
DISAGREE = (0.10, 0.01)
"""Shares of the questions on which two equal models disagree."""

RESAMPLINGS = 400
ARTICLES = np.geomspace(96, 480, 48)
"""How many questions an article has beside others: as uneven as in SQuAD's development set, which has 48."""

Interval = Tuple[float, float]
Draw = Callable[[], np.ndarray]
"""Makes a sample of scores, in percent."""


@dataclass(frozen=True)
class Case:
    """Samples of which an interval is drawn."""

    examples: int
    true: float
    """The mean that the interval is of."""

    draw: Draw
    groups: Optional[np.ndarray]
    ours: Callable[..., Interval]


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=400, help="samples behind each number")
    parser.add_argument("--correlation", type=float, default=0.035, help="of two answers about the same article")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    random = np.random.default_rng(arguments.seed)
    print(f"coverage of a nominal 95 % and mean width in points, of {arguments.repetitions} samples each")
    print(f"{'groups':9} {'examples':>9} {'true':>6} {'plain':>15} {'grouped':>15} {'ours':>15}")
    for grouped in (False, True):
        for examples in SIZES:
            groups = articles_of(examples) if grouped else None
            for chance in CHANCES:
                draw = _answers(random, groups, examples, chance, arguments.correlation)
                case = Case(examples, 100 * chance, draw, groups, interval_of_mean)
                _print_row(random, case, 100 * chance, arguments.repetitions)
    print("\nthe same of the difference of two equal models that disagree on so many percent")
    for examples in SIZES:
        for share in DISAGREE:
            case = Case(examples, 0.0, _differences(random, examples, share), None, interval_of_difference)
            _print_row(random, case, 100 * share, arguments.repetitions)


def articles_of(examples: int) -> np.ndarray:
    """int64 [examples]: each one's article; a dozen articles of fifty examples, else as many as SQuAD has."""
    sizes = ARTICLES if examples > len(ARTICLES) * 2 else ARTICLES[::4]
    bounds = np.round(np.cumsum(sizes) / sizes.sum() * examples).astype(np.int64)
    numbers: np.ndarray = np.searchsorted(bounds, np.arange(examples), side="right")
    return numbers


def plain_bootstrap(random: np.random.Generator, values: np.ndarray) -> Interval:
    """The percentile bootstrap over examples: how often each distinct value is drawn has a multinomial distribution."""
    distinct, counts = np.unique(values, return_counts=True)
    drawn = random.multinomial(len(values), counts / len(values), size=RESAMPLINGS)
    return _middle(drawn @ distinct / len(values))


def grouped_bootstrap(random: np.random.Generator, values: np.ndarray, groups: np.ndarray) -> Interval:
    """The percentile bootstrap over whole groups."""
    sums, sizes = np.bincount(groups, values), np.bincount(groups)
    drawn = random.multinomial(len(sizes), np.full(len(sizes), 1 / len(sizes)), size=RESAMPLINGS)
    return _middle(drawn @ sums / (drawn @ sizes))


def _middle(means: np.ndarray) -> Interval:
    low, high = np.percentile(means, (2.5, 97.5))
    return float(low), float(high)


def _answers(
    random: np.random.Generator, groups: Optional[np.ndarray], examples: int, chance: float, correlation: float
) -> Draw:
    if groups is None:
        return lambda: 100.0 * (random.random(examples) < chance)
    spread, count, numbers = 1 / correlation - 1, len(np.unique(groups)), groups

    def in_groups() -> np.ndarray:
        of_group = random.beta(chance * spread, (1 - chance) * spread, size=count)
        right: np.ndarray = random.random(examples) < of_group[numbers]
        return 100.0 * right

    return in_groups


def _differences(random: np.random.Generator, examples: int, share: float) -> Draw:
    return lambda: random.choice([-100.0, 0.0, 100.0], size=examples, p=[share / 2, 1 - share, share / 2])


def _print_row(random: np.random.Generator, case: Case, label: float, repetitions: int) -> None:
    """Print what share of each kind of interval holds the true value."""
    found = []
    for _ in range(repetitions):
        values = case.draw()
        kinds = [plain_bootstrap(random, values), case.ours(values, case.groups, highest=100.0)]
        if case.groups is not None:
            kinds.insert(1, grouped_bootstrap(random, values, case.groups))
        found.append([(low <= case.true <= high, high - low) for low, high in kinds])
    cells = [f"{100 * coverage:.1f} ({width:.2f})" for coverage, width in np.mean(found, axis=0)]
    plain, grouped, own = cells if case.groups is not None else (cells[0], "", cells[1])
    name = "none" if case.groups is None else "articles"
    print(f"{name:9} {case.examples:9,} {label:6g} {plain:>15} {grouped:>15} {own:>15}", flush=True)


if __name__ == "__main__":
    main()
