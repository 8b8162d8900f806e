"""Checkpoint on disk: a fine-tuned model, and the record of how it was trained.

`model/` is what transformers loads: config.json, model.safetensors, the tokenizer's files.
`log.jsonl` has one JSON object a line: {"step", "epoch", "loss", "learning_rate", "gradient_norm",
"examples_per_second", "seconds"} for training, where loss, gradient_norm (which an IPU does not tell) and speed are
means over the steps since the line before, and seconds count from the start; {"step", "epoch",
"evaluation": {metric: value}} for an intermediate evaluation. `tensorboard/` holds the same as an event file.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Mapping, Tuple

from podtune.formats.artifact import Artifact, Format
from podtune.formats.json_lines import read_json_lines, write_json_lines

MODEL = "model"
LOG = "log.jsonl"
TENSORBOARD = "tensorboard"

Line = Dict[str, Any]
"""Of a log."""


@dataclass(frozen=True)
class CheckpointFacts:
    """How a model was trained, for the card."""

    task: str
    features: str
    """Digest of the Features."""

    base_model: str
    """Digest of the BaseModel."""

    training: Dict[str, Any]
    """The recipe's training section with all defaults."""

    steps: int
    """Optimizer steps."""

    steps_per_epoch: int
    examples_seen: int
    """Rows consumed over all epochs."""

    kept_step: int
    """The step whose weights these are: the last, or the best by the recipe's metric."""

    train_loss: float
    """Mean over all steps, across interruptions."""

    seconds: float
    """Training time without interruptions."""

    resumed: int
    """Number of resumptions from a checkpoint."""

    hardware: Dict[str, Any]
    """device (cpu, gpu, ipu), name, count, precision of the compute, cores, memory_gib."""

    software: Dict[str, str]
    """Package to version: python, podtune, torch, transformers, …"""


CHECKPOINT = Format("checkpoint", 1, CheckpointFacts)
Checkpoint = Artifact[CheckpointFacts]


@dataclass(frozen=True)
class TrainingLog:
    """A log's lines by kind, in the order of the steps."""

    training: List[Line]
    evaluations: List[Tuple[int, Mapping[str, float]]]
    """Step and metrics."""


def write_log(directory: Path, lines: List[Line]) -> None:
    """Write a run's log, complete or so far."""
    write_json_lines(directory / LOG, lines)


def read_log(directory: Path) -> List[Line]:
    """Read a log's lines; BadInput names the first that is damaged."""
    return list(read_json_lines(directory / LOG))


def lines_by_kind(lines: List[Line]) -> TrainingLog:
    """Separate training from evaluation; where a resumed run logged a step again, the later line counts."""
    training = {line["step"]: line for line in lines if "loss" in line}
    evaluations = {line["step"]: line["evaluation"] for line in lines if "evaluation" in line}
    return TrainingLog([training[step] for step in sorted(training)], sorted(evaluations.items()))
