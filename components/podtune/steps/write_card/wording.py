"""Numbers and names formatted for people."""

from typing import Any


def count(number: float) -> str:
    """Format a whole number: 88,524."""
    return f"{number:,.0f}"


def decimal(number: float, digits: int = 2) -> str:
    """Format a number with fixed decimals: 81.80."""
    return f"{number:,.{digits}f}"


def fine(number: float) -> str:
    """Format a loss or a count with four decimals or significant digits: 1.0187, 0.0008745, 2."""
    if number == round(number):
        return count(number)
    return f"{number:,.4f}" if abs(number) >= 0.01 else f"{number:.4g}"


def signed(number: float) -> str:
    """Format a difference: +0.37."""
    return f"{number:+,.2f}"


def short(number: float) -> str:
    """Format four significant digits: 0.6123, 1,317, 3e-05."""
    return f"{number:,.0f}" if abs(number) >= 1e3 else f"{number:.4g}"


def duration(seconds: float) -> str:
    """Format a time in its two largest units: 2 min 14.5 s, 3 h 5 min."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    if seconds < 3600:
        return f"{int(seconds // 60)} min {seconds % 60:.1f} s"
    return f"{int(seconds // 3600)} h {int(seconds % 3600 // 60)} min"


def setting(value: Any) -> str:
    """Format a setting's value as in a recipe."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        return ", ".join(setting(item) for item in value)
    if isinstance(value, dict):
        return ", ".join(f"{key}: {setting(item)}" for key, item in value.items())
    return f"{value:g}" if isinstance(value, float) and float(f"{value:g}") == value else str(value)


def capital(text: str) -> str:
    """Capitalise the first letter only."""
    return text[:1].upper() + text[1:]
