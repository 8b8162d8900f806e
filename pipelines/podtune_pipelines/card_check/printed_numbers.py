"""Numbers as a card prints them, and what their digits allow."""

import re
from dataclasses import dataclass
from math import floor, isfinite, nan
from typing import Iterator, Optional, Tuple

import numpy as np

NUMBER = r"[-+]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:[eE][-+]?\d+)?"
_CLOCK = re.compile(r"(?:(\d+):)?(\d{1,2}):(\d{2}(?:\.\d+)?)")
_SPOKEN = re.compile(rf"\(({NUMBER}) s\)|^({NUMBER}) s\b")
LARGEST = 1e15
"""No count, time or rate of a card is larger; what is, is no number of its training."""

UNSURE = 0.25
"""Counts whose rounding error is larger than this cannot be told from their neighbours."""


@dataclass(frozen=True)
class Stated:
    """A printed number: every value from `low` to `high` is printed so."""

    text: str
    value: float
    low: float
    high: float
    line: int

    @property
    def digits(self) -> int:
        """Significant digits, the zeros in front left out."""
        mantissa = re.split("[eE]", self.text)[0]
        return len(re.sub(r"\D", "", mantissa).lstrip("0"))

    @property
    def was_float16(self) -> bool:
        """Whether a number with many digits is exactly one that half precision can hold."""
        with np.errstate(over="ignore"):
            return self.digits >= 7 and float(np.float16(self.value)) == self.value

    @property
    def was_float32(self) -> bool:
        """Whether a long number is exactly one that single precision can hold."""
        return self.digits > 8 and float(np.float32(self.value)) == self.value

    def within(self, low: float, high: float) -> bool:
        """Whether some value that is printed so lies between the two."""
        return self.low <= high and low <= self.high

    def equals(self, value: float) -> bool:
        """Whether the number is a value, as it is or in percent."""
        slack = 1e-7 * abs(value) * 100
        return any(self.within(scaled - slack, scaled + slack) for scaled in (value, value * 100, value / 100))

    def over(self, scale: float) -> "Stated":
        """Divide the number, its text left as it is."""
        return Stated(self.text, self.value / scale, self.low / scale, self.high / scale, self.line)

    def times(self, other: "Stated") -> Tuple[float, float]:
        """Return the smallest and largest product with another number above zero."""
        return self.low * other.low, self.high * other.high

    def count_of(self, examples: int, parts: int = 1) -> Optional[int]:
        """Take the number as a share of `examples`, counted in 1/`parts`; None where it is no whole number of them."""
        count = self.value * examples * parts
        return round(count) if abs(count - round(count)) <= self._count_error(examples, parts) else None

    def excludes(self, examples: int, parts: int = 1) -> bool:
        """Whether the number has enough digits to show that it is no share of `examples`."""
        return self._count_error(examples, parts) < UNSURE and self.count_of(examples, parts) is None

    def _count_error(self, examples: int, parts: int) -> float:
        """Bound the error of a count: by the printed digits, or by the precision of what computed it."""
        error = max((self.high - self.low) / 2, self.value * 4 * 2.0**-52)
        if self.was_float32:
            error = 1.5 * float(np.spacing(np.float32(self.value)))
        return error * examples * parts


def read_number(text: str, line: int) -> Optional[Stated]:
    """Read the number that a text starts with; a time (0:02:14.50, 7,384.0 s) is read in seconds."""
    shown = text.strip().strip("`\"'")
    seconds = _seconds(shown)
    if seconds is not None:
        return _stated(*seconds, line)
    found = re.match(NUMBER, shown)
    value = float(found.group().replace(",", "")) if found else nan
    return _stated(found.group(), value, line) if found and abs(value) < LARGEST else None


def as_number(text: Optional[str]) -> Optional[float]:
    """The value of a text that is one number and nothing else."""
    try:
        value = float((text or "").replace(",", ""))
    except ValueError:
        return None
    return value if isfinite(value) else None


def whole_numbers(low: float, high: float) -> Iterator[int]:
    """The whole numbers from `low` to `high`."""
    yield from range(-floor(-low), floor(high) + 1)


def _seconds(text: str) -> Optional[Tuple[str, float]]:
    clock = _CLOCK.match(text)
    if clock:
        hours, minutes, seconds = clock.groups()
        return seconds, int(hours or 0) * 3600 + int(minutes) * 60 + float(seconds)
    spoken = _SPOKEN.search(text)
    if spoken:
        digits = spoken.group(1) or spoken.group(2)
        return digits, float(digits.replace(",", ""))
    return None


def _stated(digits: str, value: float, line: int) -> Stated:
    """Half a unit of the last digit is the error of a printed number."""
    mantissa, _, exponent = digits.lower().partition("e")
    decimals = len(mantissa.partition(".")[2])
    half = 0.5 * 10.0 ** (int(exponent or 0) - decimals) if decimals or exponent else 0.0
    return Stated(digits, value, value - half, value + half, line)
