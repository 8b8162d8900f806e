"""The protocols between the loop, the tasks and the engines: examples, objectives, and what every device does."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Dict, List, Mapping, Optional, Protocol, Sequence, Tuple

import numpy as np

from podtune.formats.ragged import Batch


class Examples(Protocol):
    """The rows of one split, in file order."""

    @property
    def lengths(self) -> np.ndarray:
        """int64 [rows]: the positions that each takes in the model, by which micro-batches are measured."""

    def __len__(self) -> int:
        """Count the rows."""

    def names(self, rows: np.ndarray) -> List[str]:
        """The ids a user knows the rows by, for messages."""

    def batch(self, rows: np.ndarray) -> Batch:
        """Gather the rows, in the order given."""


class Objective(Protocol):
    """What a model is for. `tensors` is a Batch on the engine's device, its arrays torch tensors."""

    def load(self, directory: Any) -> Any:
        """Load a pretrained or fine-tuned model, float32, with the task's head; new weights from torch's seed."""

    def longest(self, model: Any) -> int:
        """Count the tokens that a row may have in this model."""

    def unpadded(self, model: Any) -> Any:
        """The part of a model that runs on one stream of tokens, [1, tokens, …]; None where rows are padded.

        The engine keeps attention in it within each sequence of the stream.
        """

    def losses(self, model: Any, tensors: Any) -> Any:
        """The loss of each example, float32 [examples]."""

    def outputs(self, model: Any, tensors: Any) -> Dict[str, Any]:
        """What the task's evaluation needs, for a model in evaluation mode; each [tokens, …] or [rows, …]."""


@dataclass(frozen=True)
class StepResult:
    """The outcome of an optimizer step. Numbers may still be on the device: `float()` fetches them."""

    loss: Any
    """Mean over the rows of the global batch."""

    gradient_norm: Optional[Any]
    """Global norm before clipping; None where the device does not report it."""


WriteState = Callable[[Path], None]
"""Writes a copied state into a directory, bit for bit, as safetensors and JSON."""


class Engine(Protocol):
    """One device, or several that act as one: under torchrun every process makes the same calls."""

    first: bool
    """Whether this is the one process that writes files and logs; the engine's own files it writes itself."""

    first_here: bool
    """Whether this is the one process that brings files to its machine."""

    devices: Tuple[str, ...]
    """Names of the accelerators that act as one, over all processes; none on a CPU."""

    @property
    def precision(self) -> str:
        """What it computes in: float32 where the device has no other; known after the first step."""

    @property
    def threads(self) -> int:
        """Threads of each process that compute on a CPU, whose number changes how sums round; 0 on other devices."""

    def joules(self) -> Optional[float]:
        """What its accelerators have taken since some time before it was opened; None where they do not tell."""

    def in_any(self, flag: bool) -> bool:
        """Whether the flag is set in any of the processes, so that all stop together."""

    def from_first(self, number: int) -> int:
        """Return the first process's number, so that all decide alike."""

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

    def copy_state(self) -> WriteState:
        """Copy weights and optimizer state within this machine's memory, for another thread to write.

        The next call may write over the copy.
        """

    def load_state(self, directory: Path) -> None:
        """Continue from what `copy_state` copied and its result wrote."""


Metrics = Mapping[str, float]
