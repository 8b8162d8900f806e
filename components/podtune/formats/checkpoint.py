"""Checkpoint on disk: a fine-tuned model, and the record of how it was trained.

`model/` is what transformers loads: config.json, model.safetensors, the tokenizer's files.
`log.jsonl` has one JSON object a line: {"step", "epoch", "loss", "learning_rate", "gradient_norm",
"examples_per_second", "seconds"} for training, where loss, gradient_norm (which an IPU does not tell) and speed are
means over the steps since the line before, and seconds count from the start; {"step", "epoch",
"evaluation": {metric: value}} for an evaluation on the way. `tensorboard/` holds the same as an event file.
"""

from dataclasses import dataclass
from typing import Any, Dict

from podtune.formats.artifact import Artifact, Format

MODEL = "model"
LOG = "log.jsonl"
TENSORBOARD = "tensorboard"


@dataclass(frozen=True)
class CheckpointFacts:
    """How a model was trained, as the card will say it."""

    task: str
    features: str
    """Digest of the Features."""

    base_model: str
    """Digest of the BaseModel."""

    training: Dict[str, Any]
    """The recipe's training section, with every default written out."""

    steps: int
    """Optimizer steps of the whole run."""

    steps_per_epoch: int
    examples_seen: int
    """Rows of features consumed, counted once per epoch."""

    kept_step: int
    """The step whose weights these are: the last, or the best by the recipe's metric."""

    train_loss: float
    """Mean over all steps of the run, whatever was interrupted."""

    seconds: float
    """Spent training, interruptions left out."""

    resumed: int
    """How often the run was continued from a checkpoint."""

    hardware: Dict[str, Any]
    """device (cpu, gpu, ipu), name, count, precision of the compute, cores, memory_gib."""

    software: Dict[str, str]
    """Package to version: python, podtune, torch, transformers, …"""


CHECKPOINT = Format("checkpoint", 1, CheckpointFacts)
Checkpoint = Artifact[CheckpointFacts]
