"""Numbers and names as a person reads them, the same in the card and in the report."""

from typing import Any


def count(number: float) -> str:
    """A whole number with its thousands apart: 88,524."""
    return f"{number:,.0f}"


def decimal(number: float, places: int = 2) -> str:
    """A number with a fixed count of decimals: 81.80."""
    return f"{number:,.{places}f}"


def fine(number: float) -> str:
    """A loss, or a count, to its four decisive digits: 1.0187, 0.0008745, 2."""
    if number == round(number):
        return count(number)
    return f"{number:,.4f}" if abs(number) >= 0.01 else f"{number:.4g}"


def signed(number: float) -> str:
    """A difference with its sign: +0.37."""
    return f"{number:+,.2f}"


def short(number: float) -> str:
    """Four significant digits, without an exponent where that can be read: 0.6123, 1,317, 3e-05."""
    if number == 0 or 1e-3 <= abs(number) < 1e3:
        return f"{number:.4g}"
    return f"{number:,.0f}" if abs(number) >= 1e3 else f"{number:.4g}"


def duration(seconds: float) -> str:
    """A time in its two largest units: 2 min 14.5 s, 3 h 5 min."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    if seconds < 3600:
        return f"{int(seconds // 60)} min {seconds % 60:.1f} s"
    return f"{int(seconds // 3600)} h {int(seconds % 3600 // 60)} min"


def setting(value: Any) -> str:
    """A setting's value as a recipe spells it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        return ", ".join(setting(item) for item in value)
    if isinstance(value, dict):
        return ", ".join(f"{key}: {setting(item)}" for key, item in value.items())
    return f"{value:g}" if isinstance(value, float) and float(f"{value:g}") == value else str(value)


def capital(text: str) -> str:
    """The text with a capital first letter, the rest as it is."""
    return text[:1].upper() + text[1:]
