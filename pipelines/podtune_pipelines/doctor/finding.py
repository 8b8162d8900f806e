"""What a check finds, and what to do about it."""

import re
from dataclasses import dataclass
from typing import Literal

Outcome = Literal["ok", "warning", "failed", "not checked"]

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    about: str
    outcome: Outcome
    found: str
    remedy: str = ""
    """What to do; empty where nothing has to be done."""


def ok(about: str, found: str) -> Finding:
    """All is well."""
    return Finding(about, "ok", found)


def warning(about: str, found: str, remedy: str) -> Finding:
    """It works, but not for everything."""
    return Finding(about, "warning", found, remedy)


def failed(about: str, found: str, remedy: str) -> Finding:
    """Something that was asked for will not work."""
    return Finding(about, "failed", found, remedy)


def not_checked(about: str, reason: str, remedy: str = "") -> Finding:
    """Nobody knows, for a reason."""
    return Finding(about, "not checked", reason, remedy)


def refused(about: str, message: str) -> Finding:
    """What one of podtune's errors says: `what is wrong; what to do`."""
    found, _, remedy = plain(message).rpartition("; ")
    return failed(about, found or remedy, remedy if found else "")


def plain(text: str) -> str:
    """Another's words as one line, without anything that a terminal would obey."""
    return " ".join(_CONTROL.sub(" ", text).split())
