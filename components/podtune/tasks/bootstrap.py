"""How far a mean may be off because the examples are only a sample: bootstrap 95 % intervals."""

from typing import Callable, Tuple

import numpy as np

_DRAWS_AT_ONCE = 1_000_000  # 8 MB
_ENDS = (2.5, 97.5)


def interval_of_mean(values: np.ndarray, samples: int, seed: int) -> Tuple[float, float]:
    """Lower and upper end of the middle 95 % of the means of `samples` resamplings of `values`.

    For two models pass the differences of their scores on the same examples: that is the paired bootstrap, in which
    an example's difficulty cancels out. Equal arguments give equal ends.
    """
    random = np.random.default_rng(seed)
    at_once = max(1, _DRAWS_AT_ONCE // len(values))
    means = []
    for first in range(0, samples, at_once):
        drawn = random.integers(len(values), size=(min(at_once, samples - first), len(values)))
        means.append(values[drawn].mean(axis=1))
    return _middle(np.concatenate(means))


def interval_of_value(
    value: Callable[[np.ndarray], float], examples: int, samples: int, seed: int
) -> Tuple[float, float]:
    """The same for a value that is no mean: a function of example rows, int64 [examples] with repeats."""
    random = np.random.default_rng(seed)
    return _middle(np.array([value(random.integers(examples, size=examples)) for _ in range(samples)]))


def _middle(values: np.ndarray) -> Tuple[float, float]:
    low, high = np.percentile(values, _ENDS)
    return float(low), float(high)
