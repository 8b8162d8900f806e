"""What training needs to know of a task: its examples, and what the model should do with them."""

from typing import Any, Dict, List, Mapping, Protocol

import numpy as np

from podtune.formats.ragged import Batch


class Examples(Protocol):
    """The rows of one split, in file order."""

    @property
    def lengths(self) -> np.ndarray:
        """int64 [rows]: the places that each takes in the model, by which micro-batches are measured."""

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


Metrics = Mapping[str, float]
