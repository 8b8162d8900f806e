"""What a check finds."""

import re
from dataclasses import dataclass
from typing import Literal

Outcome = Literal["ok", "warning", "failed", "not checked"]

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")


@dataclass(frozen=True)
class Finding:
    """The result of a check, or of a part of one."""

    about: str
    outcome: Outcome
    found: str
    remedy: str = ""
    """What to do; empty if nothing has to be done."""


def ok(about: str, found: str) -> Finding:
    """It works."""
    return Finding(about, "ok", found)


def warning(about: str, found: str, remedy: str) -> Finding:
    """It works with limits."""
    return Finding(about, "warning", found, remedy)


def failed(about: str, found: str, remedy: str) -> Finding:
    """It will not work."""
    return Finding(about, "failed", found, remedy)


def not_checked(about: str, reason: str, remedy: str = "") -> Finding:
    """It could not be checked."""
    return Finding(about, "not checked", reason, remedy)


def refused(about: str, message: str) -> Finding:
    """A failure from one of podtune's error messages, `what is wrong; what to do`."""
    found, _, remedy = plain(message).rpartition("; ")
    return failed(about, found or remedy, remedy if found else "")


def plain(text: str) -> str:
    """Foreign text as one line without terminal control characters."""
    return " ".join(_CONTROL.sub(" ", text).split())
