"""Subsets of the examples: a loss in one of them that the mean over all hides."""

from typing import Dict, Iterator, List, Mapping, Sequence, Tuple

import numpy as np

from podtune.errors import BadInput
from podtune.formats.evaluation import rows_by_slice
from podtune.steps.compare.evaluated import Evaluated
from podtune.steps.compare.settings import GateSettings
from podtune.tasks.intervals import interval_of_difference
from podtune.tasks.task import metric_named

_ERROR = 0.05
"""Of all subsets together: how often one of them seems worse that is not."""

Part = Tuple[str, str]
"""An attribute and its value."""


def worse_slices(new: Evaluated, other: Evaluated, title: str, settings: GateSettings) -> List[str]:
    """Describe the subsets in which the new model is worse by more than the tolerance.

    Each has the interval of its mean difference at the level that Bonferroni's correction for their number asks for. It
    decides by the upper end: small subsets can show no more.
    """
    ids = list(new.scores)
    scores, before, highest = new.scores_of(ids), other.scores_of(ids), metric_named(settings.metric).end
    parts = dict(_judged(new, settings))
    level = 1 - _ERROR / max(1, len(parts))
    found = []
    for part, rows in parts.items():
        change = scores[rows] - before[rows]
        low, high = interval_of_difference(change, new.groups.of(rows), highest=highest, level=level)
        tolerance = settings.allowed_loss_of_slices(float(before[rows].mean()))
        if high < -tolerance:
            found.append(
                f"where {_named(part)} ({len(rows):,} of the {len(ids):,} examples), {settings.metric} differs by "
                f"{change.mean():+.2f} from {title} (95% interval for each of {len(parts)} subsets {low:+.2f} to "
                f"{high:+.2f}): worse by more than {tolerance:.2f}"
            )
    return found


def missed_floors(new: Evaluated, settings: GateSettings) -> List[str]:
    """Describe the large enough subsets that are below their floor; BadInput where a setting names one that is not."""
    scores, parts = np.array(list(new.scores.values())), _parts(new)
    _require_known(parts, settings)
    missed = []
    for part, floor in _floors(settings):
        value = float(scores[parts[part]].mean())
        if len(parts[part]) >= settings.judged_slices.at_least and value < floor:
            missed.append(f"where {_named(part)}, {settings.metric} is {value:.2f}, below its floor of {floor:.2f}")
    return missed


def _require_known(parts: Mapping[Part, Sequence[int]], settings: GateSettings) -> None:
    attributes = {name for name, _ in parts}
    there = ", ".join(sorted(attributes)) or "none"
    for name in (*settings.judged_slices.names, *settings.judged_slices.floors):
        if name not in attributes:
            raise BadInput(f"gate.slices must name attributes that the scored examples have: {there}; got {name!r}")
    for part, _ in _floors(settings):
        if part not in parts:
            values = ", ".join(repr(value) for name, value in sorted(parts) if name == part[0])
            raise BadInput(f"gate.slices.floors.{part[0]} must name one of {values}; got {part[1]!r}")


def _floors(settings: GateSettings) -> Iterator[Tuple[Part, float]]:
    for name, floors in settings.judged_slices.floors.items():
        yield from (((name, value), floor) for value, floor in floors.items())


def _judged(new: Evaluated, settings: GateSettings) -> Iterator[Tuple[Part, List[int]]]:
    """The subsets that are large enough, with the rows of their examples; one that is everything is none."""
    wanted = settings.judged_slices
    for (name, value), rows in sorted(_parts(new).items()):
        if wanted.at_least <= len(rows) < len(new.scores) and (not wanted.names or name in wanted.names):
            yield (name, value), rows


def _parts(new: Evaluated) -> Dict[Part, List[int]]:
    return rows_by_slice(new.examples[name].slices for name in new.scores)


def _named(part: Part) -> str:
    return f"{part[0]} is {part[1]!r}"
