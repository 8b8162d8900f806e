"""A cron expression in words, so that a person sees whether it says what was meant."""

from typing import Callable, List

from podtune_pipelines.cluster.cron import Cron, Field

_FIRST_HALF = ["January", "February", "March", "April", "May", "June"]
_MONTHS = [*_FIRST_HALF, "July", "August", "September", "October", "November", "December"]
_DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"]

_MOST_TIMES = 6
"""Clock times that are told one by one."""


def in_words(cron: Cron) -> str:
    """Such as: every Monday at 03:00 UTC."""
    return f"{_day(cron)}{_month(cron)} {_time(cron)} UTC"


def _day(cron: Cron) -> str:
    days, weekdays = cron.days, cron.weekdays
    either = not (days.starred or weekdays.starred)
    if (days.whole and weekdays.whole) or (either and (days.whole or weekdays.whole)):
        return "every day"
    in_month = f"on day {_listed(days, str)} of the month"
    in_week = f"every {_listed(weekdays, _DAYS.__getitem__)}"
    if either:
        return f"{in_month} and {in_week}"
    if weekdays.whole:
        return in_month
    return in_week if days.whole else f"{in_month} if it is a {_listed(weekdays, _DAYS.__getitem__, 'or')}"


def _month(cron: Cron) -> str:
    return "" if cron.months.whole else f" in {_listed(cron.months, lambda month: _MONTHS[month - 1])}"


def _time(cron: Cron) -> str:
    hours, minutes, seconds = (sorted(field.values) for field in (cron.hours, cron.minutes, cron.seconds))
    ending = "" if seconds == [0] else f", at second {_listed(cron.seconds, str)}"
    if len(hours) * len(minutes) <= _MOST_TIMES:
        times = [f"{hour:02}:{minute:02}" for hour in hours for minute in minutes]
        return f"at {_joined(times)}{ending}"
    of_hours = "of every hour" if cron.hours.whole else f"of hour {_listed(cron.hours, str)}"
    at = "every minute" if cron.minutes.whole else f"at minute {_listed(cron.minutes, str)}"
    return f"{at} {of_hours}{ending}"


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
