"""How far a value may be off because the examples are only a sample: 95 % intervals.

Of a mean it is Student's t-interval with the cluster-robust variance: the examples of a group, such as the questions
about an article, are counted as one observation, and there are as many degrees of freedom as groups, less one (Cameron
and Miller 2015, "A practitioner's guide to cluster-robust inference"; Miller 2024, arXiv:2411.00640, of evaluations).

Near the ends of the range, and with few examples, too few are wrong to show how often one is. So observations that
nobody made are added there: of scores two at each end (Agresti and Coull 1998, "Approximate is better than 'exact'"),
of the differences of paired scores one at each (Bonett and Price 2012, "Adjusted Wald confidence interval for a
difference of binomial proportions based on paired data"). In a grouped sample each weighs as many examples as tell what
one independent example does, the design effect (Kish 1965). Fifty examples that are all right leave a loss of 8 points
possible; of 10,570 nothing of it is seen. A metric without an end that real models come near to gets none: CIDEr-D.
"""

from statistics import NormalDist
from typing import Callable, Optional, Tuple

import numpy as np

LEVEL = 0.95

_ENDS = (2.5, 97.5)


def interval_title(grouped_by: str) -> str:
    """What an interval is called that takes account of what the examples share, such as article."""
    return f"95% interval by {grouped_by}" if grouped_by else "95% interval"


def interval_of_mean(
    scores: np.ndarray, groups: Optional[np.ndarray] = None, *, highest: Optional[float] = None, level: float = LEVEL
) -> Tuple[float, float]:
    """Lower and upper end for the mean of scores from 0 to `highest`; None where the range has no known end.

    `groups` has a number for each example, equal where examples share something; None where they share nothing. Of
    fewer than two groups nothing would be known, and each example counts for itself.
    """
    ends = np.zeros(0) if highest is None else np.array([0.0, 0.0, highest, highest])
    return _interval(scores, groups, ends, level)


def interval_of_difference(
    differences: np.ndarray,
    groups: Optional[np.ndarray] = None,
    *,
    highest: Optional[float] = None,
    level: float = LEVEL,
) -> Tuple[float, float]:
    """The same for the mean difference of two models' scores on the same examples.

    An example's difficulty cancels out, and most of what a group has in common with it.
    """
    ends = np.zeros(0) if highest is None else np.array([-highest, highest])
    return _interval(differences, groups, ends, level)


def interval_of_value(
    value: Callable[[np.ndarray], float], examples: int, samples: int, seed: int
) -> Tuple[float, float]:
    """The middle 95 % of a value that is no mean, over `samples` resamplings of the examples.

    `value` is a function of example rows, int64 [examples] with repeats. Equal arguments give equal ends.
    """
    random = np.random.default_rng(seed)
    values = np.array([value(random.integers(examples, size=examples)) for _ in range(samples)])
    low, high = np.percentile(values, _ENDS)
    return float(low), float(high)


def design_effect(values: np.ndarray, groups: np.ndarray) -> float:
    """How many examples tell as much as one independent example does; at least 1."""
    residuals = values - values.mean()
    alone = _variance(residuals)
    return max(1.0, _variance(_sums(residuals, groups)) / alone) if alone > 0 else 1.0


def _interval(values: np.ndarray, groups: Optional[np.ndarray], ends: np.ndarray, level: float) -> Tuple[float, float]:
    if groups is None or len(np.unique(groups)) < 2:
        groups = np.arange(len(values))
    weight = design_effect(values, groups)
    total = len(values) + weight * len(ends)
    centre = (values.sum() + weight * ends.sum()) / total
    sums = _sums(values - centre, groups)
    variance = _variance(sums) + weight**2 * float(np.square(ends - centre).sum())
    margin = student(level, max(1, len(sums) - 1)) * variance**0.5 / total
    low, high = float(centre - margin), float(centre + margin)
    return (low, high) if len(ends) == 0 else (max(low, float(ends[0])), min(high, float(ends[-1])))


def _sums(residuals: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """float64 [groups]: the sum over each."""
    _, numbers = np.unique(groups, return_inverse=True)
    return np.bincount(numbers, residuals)


def _variance(sums: np.ndarray) -> float:
    """Of the total of so many independent sums."""
    return float(sums @ sums) * len(sums) / max(1, len(sums) - 1)


def student(level: float, freedom: int) -> float:
    """How many standard errors Student's interval goes to each side.

    The expansion of Abramowitz and Stegun 26.7.5: within 1 % of the true one from 3 degrees of freedom on.
    """
    z = NormalDist().inv_cdf((1 + level) / 2)
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
    )
    return float(z + sum(term / freedom**power for power, term in enumerate(terms, start=1)))
