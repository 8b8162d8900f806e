"""Every rule, and a card checked against all of them."""

import inspect
from dataclasses import dataclass
from types import ModuleType
from typing import Callable, Dict, Iterator, List, Literal, Tuple

from podtune_pipelines.card_check import doubts, metadata, scores, statements, training
from podtune_pipelines.card_check.claims import Claims
from podtune_pipelines.card_check.extraction import claims_of

Severity = Literal["contradiction", "metadata", "doubt"]
Rule = Callable[[Claims], Iterator[Tuple[int, str]]]


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


def _rules_in(module: ModuleType) -> Tuple[Rule, ...]:
    """Collect a module's public functions, in their order; each is a rule."""
    functions = [value for value in vars(module).values() if inspect.isfunction(value)]
    return tuple(f for f in functions if f.__module__ == module.__name__ and not f.__name__.startswith("_"))


RULES: Dict[Severity, Tuple[Rule, ...]] = {
    "contradiction": _rules_in(statements) + _rules_in(training) + _rules_in(scores),
    "metadata": _rules_in(metadata),
    "doubt": _rules_in(doubts),
}


def check_card(text: str) -> List[Finding]:
    """Apply every rule to a card; contradictions come first, then findings by line."""
    claims = claims_of(text)
    return [
        Finding(rule.replace("_", "-"), severity, line, message)
        for severity, rules in RULES.items()
        for line, message, rule in sorted(
            ((line, message, rule.__name__) for rule in rules for line, message in rule(claims)),
            key=lambda found: found[0],
        )
    ]
