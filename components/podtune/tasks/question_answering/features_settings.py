"""The `features` section of a question-answering recipe: how contexts are cut into windows."""

from dataclasses import dataclass, field
from typing import Dict, Iterator, Tuple


@dataclass(frozen=True)
class WindowSettings:
    """Window semantics of transformers' question-answering example."""

    max_length: int = 384
    """Tokens of a window: question, context and special tokens."""

    overlap: int = 128
    """Context tokens that two neighbouring windows share; the example calls it doc_stride."""

    expected_windows: Dict[str, int] = field(default_factory=dict)
    """Split to the windows that are known to come out; another number stops the step. Empty: not checked."""

    def mistakes(self) -> Iterator[Tuple[str, str]]:
        """Windows that cannot be cut, as (key, what is wrong)."""
        if self.max_length < 8:
            yield "max_length", f"must be at least 8; got {self.max_length}"
        if not 0 <= self.overlap < self.max_length:
            yield "overlap", f"must lie between 0 and below max_length {self.max_length}; got {self.overlap}"
