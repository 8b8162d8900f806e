"""What metrics are measured in: in percent, but for those listed here."""

_HIGHEST = {"cider": 10.0}


def highest(metric: str) -> float:
    """The greatest value that a metric can have: 100 of one in percent."""
    return _HIGHEST.get(metric, 100.0)


def in_percent(metric: str) -> bool:
    """Whether a metric is counted from 0 to 100."""
    return metric not in _HIGHEST
