"""What every engine does, whatever the device: optimizer steps on global batches, and predictions."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Optional, Protocol, Sequence, Tuple

import numpy as np

from podtune.training.problem import Examples


@dataclass(frozen=True)
class StepResult:
    """What an optimizer step tells. Numbers may still be on the device: `float()` fetches them."""

    loss: Any
    """Mean over the rows of the global batch."""

    gradient_norm: Optional[Any]
    """Global norm before clipping; None where the device does not tell."""


class Engine(Protocol):
    """One device, or several that act as one: under torchrun every process makes the same calls."""

    first: bool
    """Whether this is the one process that writes files and logs; the engine's own files it writes itself."""

    precision: str
    """What it computes in: float32 where the device has no other, whatever the configuration asks for."""

    devices: Tuple[str, ...]
    """Names of the accelerators that act as one, over all processes; none on a CPU."""

    def in_any(self, flag: bool) -> bool:
        """Whether the flag is set in any of the processes, so that all stop together."""

    def from_first(self, number: int) -> int:
        """Tell the number that the first process has, so that all decide alike."""

    def steps(
        self, examples: Examples, batches: Sequence[np.ndarray], first: int, learning_rate: float
    ) -> List[StepResult]:
        """Take the optimizer steps of one call to the device, each on a global batch of rows.

        `first` numbers the first of them; the number of a step keys its randomness.
        """

    def outputs(self, examples: Examples) -> Dict[str, np.ndarray]:
        """Run every row through the model once; what the objective puts out, in the examples' order."""

    def save_model(self, directory: Path) -> None:
        """Write config.json and float32 model.safetensors as transformers loads them."""

    def save_state(self, directory: Path) -> None:
        """Write weights and optimizer state, bit for bit, as safetensors and JSON."""

    def load_state(self, directory: Path) -> None:
        """Continue from what `save_state` wrote."""
