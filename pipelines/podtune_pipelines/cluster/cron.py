"""Cron expressions as KFP reads them: checked, put into six fields, and asked when they come next.

KFP's scheduler is robfig/cron 1.2, whose first field is seconds. It takes a standard expression of five fields
without complaint and reads it as seconds, minutes, hours, …; so five fields are given a second first.
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Dict, FrozenSet, Iterator, Tuple

from podtune.errors import BadInput

MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")

_PART = re.compile(r"(?:(?P<star>[*?])|(?P<first>\w+)(?:-(?P<last>\w+))?)(?:/(?P<step>[0-9]+))?")
_HORIZON = timedelta(days=5 * 366)
"""KFP's scheduler looks no further either."""


@dataclass(frozen=True)
class _Kind:
    """What one of the six fields may hold."""

    name: str
    low: int
    high: int
    names: Dict[str, int]


_KINDS = (
    _Kind("seconds", 0, 59, {}),
    _Kind("minutes", 0, 59, {}),
    _Kind("hours", 0, 23, {}),
    _Kind("day of month", 1, 31, {}),
    _Kind("month", 1, 12, {name: number for number, name in enumerate(MONTHS, 1)}),
    _Kind("day of week", 0, 6, {name: number for number, name in enumerate(DAYS)}),
)


@dataclass(frozen=True)
class Field:
    """One field: the values at which it matches."""

    text: str
    values: FrozenSet[int]
    starred: bool
    """Whether a * or ? is part of it: a starred day leaves the decision to the other day."""

    whole: bool
    """Whether every possible value matches."""


@dataclass(frozen=True)
class Cron:
    """A schedule in UTC."""

    seconds: Field
    minutes: Field
    hours: Field
    days: Field
    months: Field
    weekdays: Field

    @property
    def expression(self) -> str:
        """The six fields, as KFP takes them."""
        fields = (self.seconds, self.minutes, self.hours, self.days, self.months, self.weekdays)
        return " ".join(field.text for field in fields)

    def after(self, moment: datetime) -> Iterator[datetime]:
        """The times after `moment`, until none comes within five years."""
        day, start = moment.replace(hour=0, minute=0, second=0, microsecond=0), moment
        while day - start <= _HORIZON:
            if self._has_day(day):
                for time in self._times(day):
                    if time > moment:
                        yield time
                        start = time
            day += timedelta(days=1)

    def _has_day(self, day: datetime) -> bool:
        """Both days have to match where one of them is starred; else either is enough."""
        in_month, in_week = day.day in self.days.values, day.isoweekday() % 7 in self.weekdays.values
        either = not (self.days.starred or self.weekdays.starred)
        return day.month in self.months.values and ((in_month or in_week) if either else (in_month and in_week))

    def _times(self, day: datetime) -> Iterator[datetime]:
        for hour in sorted(self.hours.values):
            for minute in sorted(self.minutes.values):
                for second in sorted(self.seconds.values):
                    yield day.replace(hour=hour, minute=minute, second=second)


def parse_cron(expression: str) -> Cron:
    """Read five standard fields, or KFP's six; BadInput says which field is wrong and what it may be."""
    given = expression.split()
    if len(given) not in (5, 6):
        raise BadInput(
            f"--cron must have five fields (minute hour day month weekday), or six with the second first; got "
            f"{len(given)} in {expression!r}"
        )
    texts = given if len(given) == 6 else ["0", *given]
    return Cron(*(_field(text.upper(), kind) for text, kind in zip(texts, _KINDS)))


def next_times(cron: Cron, now: datetime, count: int) -> Tuple[datetime, ...]:
    """The next times; BadInput where there is none, such as on 30 February."""
    times = tuple(time for time, _ in zip(cron.after(now), range(count)))
    if not times:
        raise BadInput(f"--cron must come at some time; {cron.expression} never does in the next five years")
    return times


def _field(text: str, kind: _Kind) -> Field:
    values: FrozenSet[int] = frozenset()
    for part in text.split(","):
        values |= _part(part, kind)
    whole = len(values) == kind.high - kind.low + 1
    return Field(text, values, starred="*" in text or "?" in text, whole=whole)


def _part(text: str, kind: _Kind) -> FrozenSet[int]:
    """The values of `*`, `N`, `N-M`, each perhaps with `/step`; `N/step` runs to the end."""
    found = _PART.fullmatch(text)
    if not found:
        raise _wrong(text, kind)
    step = int(found["step"] or 1)
    first = kind.low if found["star"] else _value(found["first"], kind, text)
    last = _value(found["last"], kind, text) if found["last"] else first
    if found["star"] or (found["step"] and not found["last"]):
        last = kind.high
    if not step or first > last:
        raise _wrong(text, kind)
    return frozenset(range(first, last + 1, step))


def _value(text: str, kind: _Kind, part: str) -> int:
    value = int(text) if re.fullmatch("[0-9]+", text) else kind.names.get(text, -1)
    if not kind.low <= value <= kind.high:
        raise _wrong(part, kind)
    return value


def _wrong(text: str, kind: _Kind) -> BadInput:
    known = list(kind.names)
    names = f" or {known[0]}-{known[-1]}" if known else ""
    return BadInput(
        f"the {kind.name} of --cron must be *, or {kind.low}-{kind.high}{names}, as a number, a range, a list or with "
        f"a /step, which is what KFP's scheduler takes; got {text!r}"
    )
