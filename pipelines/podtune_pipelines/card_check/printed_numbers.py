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
"""No count, time or rate of a card is larger."""

UNSURE = 0.25
"""Rounding error from which a count cannot be distinguished from its neighbours."""


@dataclass(frozen=True)
class Stated:
    """A printed number, and the interval of the values that round to it."""

    text: str
    value: float
    low: float
    high: float
    line: int

    @property
    def digits(self) -> int:
        """Number of significant digits."""
        mantissa = re.split("[eE]", self.text)[0]
        return len(re.sub(r"\D", "", mantissa).lstrip("0"))

    @property
    def was_float16(self) -> bool:
        """Whether a number with many digits is exactly representable in half precision."""
        with np.errstate(over="ignore"):
            return self.digits >= 7 and float(np.float16(self.value)) == self.value

    @property
    def was_float32(self) -> bool:
        """Whether a long number is exactly representable in single precision."""
        return self.digits > 8 and float(np.float32(self.value)) == self.value

    def equals(self, value: float) -> bool:
        """Whether the number agrees with a value, as a share or in percent."""
        slack = 1e-7 * abs(value) * 100
        near = (value, value * 100, value / 100)
        return any(self.low <= scaled + slack and scaled - slack <= self.high for scaled in near)

    def over(self, scale: float) -> "Stated":
        """Divide the number and keep its text."""
        return Stated(self.text, self.value / scale, self.low / scale, self.high / scale, self.line)

    def times(self, other: "Stated") -> Tuple[float, float]:
        """Return the smallest and largest product with another number above zero."""
        return self.low * other.low, self.high * other.high

    def count_of(self, examples: int, parts: int = 1) -> Optional[int]:
        """Convert a share of `examples` to a count of 1/`parts`; None if it is not a whole number."""
        count = self.value * examples * parts
        return round(count) if abs(count - round(count)) <= self._count_error(examples, parts) else None

    def excludes(self, examples: int, parts: int = 1) -> bool:
        """Whether the number has enough digits to prove that it is not a share of `examples`."""
        return self._count_error(examples, parts) < UNSURE and self.count_of(examples, parts) is None

    def _count_error(self, examples: int, parts: int) -> float:
        """Bound the error of a count: by the printed digits, or by the precision of what computed it."""
        error = max((self.high - self.low) / 2, self.value * 4 * 2.0**-52)
        if self.was_float32:
            error = 1.5 * float(np.spacing(np.float32(self.value)))
        return error * examples * parts


def read_number(text: str, line: int) -> Optional[Stated]:
    """Parse the number at the start of a text; times (0:02:14.50, 7,384.0 s) become seconds."""
    shown = text.strip().strip("`\"'")
    seconds = _seconds(shown)
    if seconds is not None:
        return _stated(*seconds, line)
    match = re.match(NUMBER, shown)
    value = float(match.group().replace(",", "")) if match else nan
    return _stated(match.group(), value, line) if match and abs(value) < LARGEST else None


def as_number(text: Optional[str]) -> Optional[float]:
    """Parse a text that is a number and nothing else."""
    try:
        value = float((text or "").replace(",", ""))
    except ValueError:
        return None
    return value if isfinite(value) else None


def whole_numbers(low: float, high: float) -> Iterator[int]:
    """Yield the integers from `low` to `high`."""
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
