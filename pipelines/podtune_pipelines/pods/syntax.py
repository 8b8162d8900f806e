"""How Kubernetes writes names, labels, paths and quantities, so that a mistake shows before anything is sent."""

import re
from decimal import Decimal
from typing import Callable, Dict, Optional, Tuple

_NAME = r"[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
_SUBDOMAIN = r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*"
_QUANTITY = re.compile(r"(?P<number>\d+(?:\.\d*)?|\.\d+)(?P<suffix>[numkMGTPE]|[KMGTPE]i|[eE][-+]?\d+)?")

_FACTORS = {
    "": Decimal(1),
    **{suffix: Decimal(10) ** power for suffix, power in zip("numkMGTPE", (-9, -6, -3, 3, 6, 9, 12, 15, 18))},
    **{f"{suffix}i": Decimal(1024) ** power for power, suffix in enumerate("KMGTPE", start=1)},
}

Check = Callable[[str], bool]


def _like(pattern: str, longest: int = 253) -> Check:
    expression = re.compile(pattern)
    return lambda text: len(text) <= longest and expression.fullmatch(text) is not None


def amount(text: str) -> Optional[Decimal]:
    """A quantity's value, such as 0.5 for 500m and 1024 for 1Ki; None where it is no quantity."""
    match = _QUANTITY.fullmatch(text)
    if match is None:
        return None
    number, suffix = match["number"], match["suffix"] or ""
    return Decimal(number) * _FACTORS[suffix] if suffix in _FACTORS else Decimal(number + suffix)


SYNTAX: Dict[str, Tuple[Check, str]] = {
    "name": (_like(_SUBDOMAIN), "a Kubernetes name: lower-case letters, digits, - and ."),
    "label": (_like(r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?", 63), "at most 63 lower-case letters, digits and -"),
    "key": (_like(rf"(?:{_SUBDOMAIN}/)?{_NAME}", 317), "a label's key, such as team or example.com/team"),
    "value": (_like(rf"(?:{_NAME})?", 63), "at most 63 letters, digits, -, _ and ., a letter or digit at both ends"),
    "resource": (_like(rf"{_SUBDOMAIN}/{_NAME}", 317), "a device plugin's resource, such as nvidia.com/gpu"),
    "variable": (_like(r"[-._A-Za-z][-._A-Za-z0-9]*"), "a variable's name: letters, digits, _, - and ."),
    "file": (_like(r"[-._A-Za-z0-9]+"), "a key of the object: letters, digits, -, _ and ."),
    "path": (_like(r"/(?!\.\.?(?:/|$))[^:/]+(?:/(?!\.\.?(?:/|$))[^:/]+)*", 4096), "an absolute path without .. and :"),
    "quantity": (lambda text: (amount(text) or 0) > 0, "a quantity above 0, such as 500m, 4 or 16Gi"),
}
"""What a text is, to the test that it has to pass, and the same in words."""


def mistake_in(kind: str, text: object) -> str:
    """What is wrong with a text of a kind of SYNTAX; empty where it is right. Numbers are read as Kubernetes does."""
    check, wanted = SYNTAX[kind]
    numeric = kind == "quantity" and type(text) in (int, float)
    right = (isinstance(text, str) or numeric) and check(str(text))
    return "" if right else f"must be {wanted}; got {text!r}"
