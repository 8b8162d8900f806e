"""Cron expressions as KFP reads them: checked, normalised to six fields, their next times, and their words.

KFP's scheduler is robfig/cron 1.2, whose first field is seconds. It takes a standard expression of five fields
without complaint and reads it as seconds, minutes, hours, …; so five fields get a leading second.
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import product
from typing import Callable, Dict, FrozenSet, Iterator, List, Tuple

from podtune.errors import BadInput

_FIRST_HALF = ("January", "February", "March", "April", "May", "June")
MONTHS = (*_FIRST_HALF, "July", "August", "September", "October", "November", "December")
DAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")

_PART = re.compile(r"(?:(?P<star>[*?])|(?P<first>\w+)(?:-(?P<last>\w+))?)(?:/(?P<step>[0-9]{1,9}))?")
_HORIZON = timedelta(days=5 * 366)
"""KFP's scheduler looks no further either."""


@dataclass(frozen=True)
class _Kind:
    """The values that one of the six fields may have."""

    name: str
    low: int
    high: int
    names: Dict[str, int]


_KINDS = (
    _Kind("seconds", 0, 59, {}),
    _Kind("minutes", 0, 59, {}),
    _Kind("hours", 0, 23, {}),
    _Kind("day of month", 1, 31, {}),
    _Kind("month", 1, 12, {name[:3].upper(): number for number, name in enumerate(MONTHS, 1)}),
    _Kind("day of week", 0, 6, {name[:3].upper(): number for number, name in enumerate(DAYS)}),
)


@dataclass(frozen=True)
class Field:
    """One field: the values that it matches."""

    text: str
    values: FrozenSet[int]
    starred: bool
    """Whether a * or ? is part of it: a starred day leaves the decision to the other day."""

    always: bool
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
        fields = (sorted(field.values) for field in (self.hours, self.minutes, self.seconds))
        for hour, minute, second in product(*fields):
            yield day.replace(hour=hour, minute=minute, second=second)


def parse_cron(expression: str) -> Cron:
    """Read five standard fields, or KFP's six; BadInput says which field is wrong and what it may be."""
    texts = expression.split()
    if len(texts) not in (5, 6):
        right = "five fields (minute hour day month weekday), or six with the second first"
        raise BadInput(f"--cron must have {right}; got {len(texts)} in {expression!r}")
    six = texts if len(texts) == 6 else ["0", *texts]
    return Cron(*(_field(text.upper(), kind) for text, kind in zip(six, _KINDS)))


def next_times(cron: Cron, now: datetime, count: int) -> Tuple[datetime, ...]:
    """The next times; BadInput where there is none, such as on 30 February."""
    times = tuple(time for time, _ in zip(cron.after(now), range(count)))
    if not times:
        raise BadInput(f"--cron must match some time; {cron.expression} matches none in the next five years")
    return times


def _field(text: str, kind: _Kind) -> Field:
    values: FrozenSet[int] = frozenset().union(*(_part(part, kind) for part in text.split(",")))
    always = len(values) == kind.high - kind.low + 1
    return Field(text, values, starred="*" in text or "?" in text, always=always)


def _part(text: str, kind: _Kind) -> FrozenSet[int]:
    """The values of `*`, `N`, `N-M`, each perhaps with `/step`; `N/step` runs to the end."""
    match = _PART.fullmatch(text)
    if not match:
        raise _wrong(text, kind)
    step = int(match["step"] or 1)
    first = kind.low if match["star"] else _value(match["first"], kind, text)
    last = _value(match["last"], kind, text) if match["last"] else first
    if match["star"] or (match["step"] and not match["last"]):
        last = kind.high
    if not step or first > last:
        raise _wrong(text, kind)
    return frozenset(range(first, last + 1, step))


def _value(text: str, kind: _Kind, part: str) -> int:
    value = int(text) if re.fullmatch("[0-9]{1,9}", text) else kind.names.get(text, -1)
    if not kind.low <= value <= kind.high:
        raise _wrong(part, kind)
    return value


def _wrong(text: str, kind: _Kind) -> BadInput:
    known = list(kind.names)
    names = f" or {known[0]}-{known[-1]}" if known else ""
    right = f"*, or {kind.low}-{kind.high}{names}, as a number, a range, a list or with a /step"
    return BadInput(f"the {kind.name} of --cron must be {right}, which is what KFP's scheduler takes; got {text!r}")


_MOST_TIMES = 6
"""Clock times that are listed one by one."""


def in_words(cron: Cron) -> str:
    """Such as: at 03:00 UTC on Mondays; every 2 hours."""
    months = "" if cron.months.always else f" in {_listed(cron.months, lambda month: MONTHS[month - 1])}"
    time = _time(cron)
    return f"{time}{_day(cron) or ('' if 'every' in time else ' every day')}{months}"


def _time(cron: Cron) -> str:
    hours, minutes, seconds = (sorted(field.values) for field in (cron.hours, cron.minutes, cron.seconds))
    second = f":{seconds[0]:02}" if seconds != [0] else ""
    ending = f", at {_numbered('second', cron.seconds)}" if second else ""
    if minutes == [0] and _step(hours, 24):
        return _every(_step(hours, 24), "hour") + ending
    if len(seconds) == 1 and len(hours) * len(minutes) <= _MOST_TIMES:
        return f"at {_joined([f'{hour:02}:{minute:02}{second}' for hour in hours for minute in minutes])} UTC"
    step = _step(minutes, 60)
    at = _every(step, "minute") if step else f"at {_numbered('minute', cron.minutes)}"
    every_hour = "" if step else " of every hour"
    return at + (every_hour if cron.hours.always else f" of {_numbered('hour', cron.hours)} UTC") + ending


def _day(cron: Cron) -> str:
    """The days; empty for every day."""
    days, weekdays = cron.days, cron.weekdays
    either = not (days.starred or weekdays.starred)
    if (days.always and weekdays.always) or (either and (days.always or weekdays.always)):
        return ""
    in_month = f" on {_numbered('day', days)} of the month"
    in_week = f" on {_listed(weekdays, lambda day: f'{DAYS[day]}s')}"
    if either:
        return f"{in_month} and{in_week}"
    if weekdays.always:
        return in_month
    return in_week if days.always else f"{in_month} if it is a {_listed(weekdays, DAYS.__getitem__, 'or')}"


def _step(values: List[int], end: int) -> int:
    """The distance of three or more values that divide an hour or a day evenly; 0 for others."""
    step = end // len(values)
    return step if len(values) > 2 and values == list(range(0, end, step)) else 0


def _every(step: int, unit: str) -> str:
    return f"every {unit}" if step == 1 else f"every {step} {unit}s"


def _numbered(name: str, field: Field) -> str:
    return f"{name}{'s' if len(field.values) > 1 else ''} {_listed(field, str)}"


def _listed(field: Field, name: Callable[[int], str], last: str = "and") -> str:
    """The values by name; three or more in a row as a range."""
    runs: List[List[int]] = []
    for value in sorted(field.values):
        if runs and value == runs[-1][-1] + 1:
            runs[-1].append(value)
        else:
            runs.append([value])
    parts: List[str] = []
    for run in runs:
        parts += [f"{name(run[0])} to {name(run[-1])}"] if len(run) > 2 else [name(value) for value in run]
    return _joined(parts, last)


def _joined(parts: List[str], last: str = "and") -> str:
    return f"{', '.join(parts[:-1])} {last} {parts[-1]}" if len(parts) > 1 else parts[0]
