"""Numbers of bytes as a person reads them."""

_UNITS = ("kB", "MB", "GB", "TB")


def size_in_words(size: float) -> str:
    """Format a number of bytes with three digits or so: 412 kB, 91.3 MB, 17.0 GB."""
    value, unit = size / 1e3, 0
    while value >= 999.5 and unit < len(_UNITS) - 1:
        value, unit = value / 1e3, unit + 1
    return f"{value:,.{0 if value >= 99.95 or not unit else 1}f} {_UNITS[unit]}"
