"""What an evaluation of any task returns, how it is set, and what is checked of a model's outputs before."""

from dataclasses import dataclass, field
from typing import Any, Callable, Dict, Iterator, List, Mapping, Protocol, Tuple

import numpy as np

from podtune.errors import BadInput, PodtuneError
from podtune.sections import out_of_range
from podtune.tasks.groups import Groups


@dataclass(frozen=True)
class Scored:
    """The result of one evaluation, in the order of the examples."""

    metrics: Mapping[str, np.ndarray]
    """Metric to float64 [examples], in percent."""

    values: Mapping[str, float]
    """Metric to its value over all examples, in percent, exact to the last digit of the published definition;
    the mean of `metrics` but for rounding."""

    loss: float
    """Mean over the rows."""

    records: List[Dict[str, Any]]
    """One an example: id, prediction, scores, slices, and what else a reader would ask for."""

    predictions: Any
    """In the task's official format, JSON-ready."""

    corpus: Mapping[str, Callable[[np.ndarray], float]] = field(default_factory=dict)
    """Metrics that are no mean over examples, such as BLEU: to a function of example rows, int64 [n] with repeats,
    that gives the value over these; `values` has them too, `metrics` has not."""

    notes: Mapping[str, float] = field(default_factory=dict)
    """Numbers for the card that are no metrics, such as out_of_vocabulary."""

    groups: Groups = field(default_factory=Groups)
    """Which examples share something that makes their scores alike."""


class ScoringSettings(Protocol):
    """What every task's evaluation section has; a frozen dataclass."""

    @property
    def split(self) -> str:
        """Which is scored."""

    @property
    def bootstrap_samples(self) -> int:
        """Resamplings behind the 95 % interval of a metric that is no mean."""

    @property
    def seed(self) -> int:
        """Of the resampling."""


def mistakes_in_scoring(
    settings: ScoringSettings, at_least_1: str = "", at_least_0: str = ""
) -> Iterator[Tuple[str, str]]:
    """Keys of an evaluation section, also those listed here, that are too low to score with."""
    yield from out_of_range(settings, ((f"{at_least_1} bootstrap_samples", lambda value: value >= 1, "at least 1"),))
    yield from out_of_range(settings, ((f"{at_least_0} seed", lambda value: value >= 0, "at least 0"),))


def require_one_each(outputs: Mapping[str, np.ndarray], examples: int, noun: str) -> None:
    """PodtuneError unless the model gave each example one value of every output."""
    for name, values in outputs.items():
        if len(values) != examples:
            raise PodtuneError(
                f"the model gave {len(values)} values of {name} for {examples} {noun}; make the features again"
            )


def require_finite(name: str, values: np.ndarray, id_of: Callable[[int], str], verb: str = "is") -> None:
    """BadInput where an output is not finite; `id_of` is the id of the example that an index belongs to."""
    bad = np.flatnonzero(~np.isfinite(values))
    if len(bad):
        raise BadInput(
            f"the model's {name} {id_of(int(bad[0]))!r} {verb} {values[bad[0]]}, not finite; its training went "
            "wrong: train again, with a lower learning rate or in float32"
        )
