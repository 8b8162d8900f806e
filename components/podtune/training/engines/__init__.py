"""The engines, by device."""

import os
from importlib import import_module
from pathlib import Path
from typing import Dict

from podtune.errors import BadInput
from podtune.training.config import TrainingConfig
from podtune.training.protocols import Engine, Objective

ENGINES: Dict[str, str] = {
    "cpu": "podtune.training.engines.torch_engine",
    "gpu": "podtune.training.engines.torch_engine",
    "ipu": "podtune.training.engines.poptorch_engine",
}
"""Device to the module whose `open_engine(objective, model, config, device)` makes its engine."""


def keep_threads_from_spinning() -> None:
    """Let OpenMP's threads sleep soon after their work; a step calls this before anything imports torch.

    With OpenMP's own count threads spin for milliseconds at the end of every parallel region: beside one other busy
    process a step took 3 to 25 times as long; alone it takes as long as with this one.
    """
    # A variable of the whole process, because OpenMP reads it once, when torch loads it, and has no function for it
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", "1000")


def open_engine(objective: Objective, model: Path, config: TrainingConfig, device: str) -> Engine:
    """Load a model from a directory onto a device; BadInput where the device is unknown or absent."""
    if device not in ENGINES:
        raise BadInput(f"device must be one of {', '.join(ENGINES)}; got {device!r}")
    return import_module(ENGINES[device]).open_engine(objective, model, config, device)  # type: ignore[no-any-return]  # by the table's contract
