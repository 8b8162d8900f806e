"""What a rule finds."""

from dataclasses import dataclass
from typing import Literal

Severity = Literal["contradiction", "metadata", "doubt"]


@dataclass(frozen=True)
class Finding:
    """One fault of a card."""

    rule: str
    severity: Severity
    """contradiction: two statements cannot both be right; metadata: missing or invalid; doubt: misleading, or not
    verifiable from the card."""

    line: int
    """Of the file, from 1."""

    message: str
