"""The Trainer's arithmetic of steps, epochs, batches and rows, as its versions had it."""

import itertools
from dataclasses import dataclass
from math import ceil, floor
from typing import Iterator, Optional, Tuple

from podtune_pipelines.card_check.claims import Claims
from podtune_pipelines.card_check.printed_numbers import Stated

MOST = 200_000
"""Numbers of batches an epoch that are tried; what allows more says nothing."""


@dataclass(frozen=True)
class Course:
    """A table's steps and epochs."""

    rows: Tuple[Tuple[Stated, Stated], ...]
    accumulation: int
    """Batches of a step."""

    @property
    def batches(self) -> Optional[range]:
        """The least to the most batches an epoch that put every step at its epoch; None if the table does not say."""
        whole = self._whole
        if whole:
            return range((whole - 1) * self.accumulation + 1, (whole + 1) * self.accumulation)
        step, epoch = max(self.rows, key=lambda row: row[0].value)
        if epoch.low <= 0:
            return None
        micro = step.value * self.accumulation
        least = max(1, floor(micro / epoch.high) - self.accumulation)
        most = ceil(micro / epoch.low) + self.accumulation
        if most - least > MOST:
            return None
        fitting = [count for count in range(least, most + 1) if self._fits(count)]
        return range(fitting[0], fitting[-1] + 1) if fitting else range(0)

    @property
    def _whole(self) -> int:
        """Steps an epoch where every row ends an epoch; else 0."""
        ratios = {step.value / epoch.value if epoch.value > 0 else 0.5 for step, epoch in self.rows}
        ended = len(ratios) == 1 and all(epoch.value.is_integer() for _, epoch in self.rows)
        return int(ratios.pop()) if ended and all(ratio.is_integer() for ratio in ratios) else 0

    def _fits(self, batches: int) -> bool:
        """Whether one version of the Trainer logs every step at its epoch."""
        logged = [_logged(int(step.value), batches, self.accumulation) for step, _ in self.rows]
        return any(
            all(epoch.low - 1e-6 <= value <= epoch.high + 1e-6 for value, (_, epoch) in zip(version, self.rows))
            for version in zip(*logged)
        )

    def contradiction(self) -> Optional[Tuple[Tuple[Stated, Stated], Tuple[Stated, Stated]]]:
        """Two rows that no number of batches an epoch reconciles."""
        if self.batches != range(0):
            return None
        pairs = itertools.combinations(self.rows, 2)
        return next((pair for pair in pairs if Course(pair, self.accumulation).batches == range(0)), None)


def _logged(step: int, batches: int, accumulation: int) -> Tuple[float, float, float]:
    """The epoch logged at a step, where an epoch's last batches are carried over, dropped, or make a smaller step."""
    carried = step * accumulation / batches
    full = max(1, batches // accumulation)
    ended, rest = divmod(step - 1, full)
    dropped = ended + min(1.0, (rest + 1) * accumulation / batches)
    ended, rest = divmod(step - 1, -(-batches // accumulation))
    smaller = ended + min(1.0, (rest + 1) * accumulation / batches)
    return carried, dropped, smaller


def accumulation_of(claims: Claims) -> Optional[int]:
    """Batches of a step, which the Trainer lists where there are several; None if the list leaves out a factor."""
    factors = ("per_device_train_batch_size", "num_devices", "gradient_accumulation_steps")
    if not {factors[0], factors[2]} & claims.listed.keys():
        return None
    rows, devices, accumulation = (claims.number(name) or 1.0 for name in factors)
    total = claims.number("total_train_batch_size")
    known = total is None or factors[0] not in claims.listed or total == rows * devices * accumulation
    return int(accumulation) if known and accumulation >= 1 else None


def courses(claims: Claims) -> Iterator[Course]:
    """The tables of a training run; none where steps were set, because streamed data has epochs of no known length."""
    accumulation = accumulation_of(claims) if "max_steps" not in claims.listed else None
    for grid in claims.grids if accumulation else ():
        steps, epochs = grid.column("step"), grid.column("epoch")
        rising = all(before.value < after.value for before, after in itertools.pairwise(steps))
        if steps and epochs and rising and all(step.value >= 1 and step.value.is_integer() for step in steps):
            yield Course(tuple(zip(steps, epochs)), accumulation or 1)


def batch_of(claims: Claims) -> Optional[float]:
    """Rows of a step, if the list of settings says so."""
    if "total_train_batch_size" in claims.listed:
        return claims.number("total_train_batch_size")
    rows, accumulation = claims.number("per_device_train_batch_size"), accumulation_of(claims)
    if "per_device_train_batch_size" not in claims.listed or not rows or not accumulation:
        return None
    return rows * (claims.number("num_devices") or 1) * accumulation


def rows_an_epoch(claims: Claims) -> Iterator[Tuple[int, int, str, int]]:
    """The least and the most rows an epoch of each table, how they come about, and the table's line."""
    batch = batch_of(claims)
    for course in courses(claims) if batch else ():
        batches = course.batches
        if batch and batches:
            micro = batch / course.accumulation
            step, epoch = course.rows[-1]
            told = f"step {step.text} at epoch {epoch.text} with {batch:g} rows a step"
            yield floor((batches[0] - 1) * micro) + 1, ceil((batches[-1] + 1) * micro) - 1, told, step.line
