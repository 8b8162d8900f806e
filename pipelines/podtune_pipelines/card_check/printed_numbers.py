"""Numbers as a card prints them, and what their digits allow."""

import re
from dataclasses import dataclass
from math import ceil, floor, isfinite, nan
from typing import Optional, Tuple

NUMBER = r"[-+]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:[eE][-+]?0*\d{1,2})?"
_ALONE = re.compile(rf"{NUMBER}(?![A-Za-z\d]|[.,]\d)")
_CLOCK = re.compile(r"(?:(\d{1,9}):)?(\d{1,2}):(\d{2}(?:\.\d+)?)")
_SPOKEN = re.compile(rf"\(({NUMBER}) s\)|^({NUMBER}) s\b")
LARGEST = 1e15
"""No count, time or rate of a card is larger."""

SINGLE = 2.0**-22
"""Relative error of a number that was computed in single precision, whatever digits it is printed with."""


@dataclass(frozen=True)
class Stated:
    """A printed number, and the interval of the values that it may stand for: rounded or cut at its last digit."""

    text: str
    value: float
    low: float
    high: float
    line: int

    def equals(self, value: float) -> bool:
        """Whether the number agrees with a value, as a share or in percent."""
        near = (value, value * 100, value / 100)
        return any(self.low - SINGLE * abs(scaled) <= scaled <= self.high + SINGLE * abs(scaled) for scaled in near)

    def scaled(self, factor: float) -> "Stated":
        """Multiply the number and keep its text."""
        return Stated(self.text, self.value * factor, self.low * factor, self.high * factor, self.line)

    def counts(self, examples: float) -> range:
        """The whole numbers that this share of `examples` may be."""
        slack = SINGLE * self.value * examples
        return range(ceil(self.low * examples - slack), floor(self.high * examples + slack) + 1)


def read_number(text: str, line: int) -> Optional[Stated]:
    """Parse the number at the start of a text; times (0:02:14.50, 7,384.0 s) become seconds."""
    shown = text.strip().strip("`\"'*")
    seconds = _seconds(shown)
    if seconds is not None:
        return _stated(*seconds, line)
    match = _ALONE.match(shown)
    value = float(match.group().replace(",", "")) if match else nan
    return _stated(match.group(), value, line) if match and abs(value) < LARGEST else None


def as_number(text: Optional[str]) -> Optional[float]:
    """Parse a text that is a number and nothing else."""
    try:
        value = float((text or "").replace(",", ""))
    except ValueError:
        return None
    return value if isfinite(value) else None


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
    """A unit of the last digit is the error of a printed number: the Trainer rounds scores and cuts times."""
    mantissa, _, exponent = digits.lower().partition("e")
    decimals = len(mantissa.partition(".")[2])
    unit = 10.0 ** (int(exponent or 0) - decimals) if decimals or exponent else 0.0
    return Stated(digits, value, value - unit, value + unit, line)
