"""Checkpoint on disk: a fine-tuned model, and the record of how it was trained.

`model/` is what transformers loads: config.json, model.safetensors, the tokenizer's files.
`log.jsonl` has one JSON object a line: {"step", "epoch", "loss", "learning_rate", "gradient_norm",
"examples_per_second", "seconds"} for training, where loss, gradient_norm (which an IPU does not tell) and speed are
means over the steps since the line before, and seconds count from the start; {"step", "epoch",
"evaluation": {metric: value}} for an intermediate evaluation. `tensorboard/` holds the same as an event file.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Tuple

import numpy as np

from podtune.formats.artifact import Artifact, Format
from podtune.formats.base_model import CONFIG, DECODER, ENCODER
from podtune.formats.json_files import read_object
from podtune.formats.json_lines import read_json_lines, write_json_lines
from podtune.formats.sealed import OfTheRun

MODEL = "model"
LOG = "log.jsonl"
TENSORBOARD = "tensorboard"

_WEIGHTS = "model.safetensors"
_LAYERS = ("num_hidden_layers", "n_layer", "n_layers", "l_layers", "x_layers", "r_layers")
"""Keys of a config.json that count layers: BERT's, GPT-2's, LXMERT's of language, of both, and of regions."""

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
    """device (cpu, gpu, ipu), name, count, precision of the compute, cores, threads, memory_gib."""

    software: Dict[str, str]
    """Package to version: python, podtune, torch, transformers, …"""

    architecture: str = ""
    """The model's class, layers and parameters, as its own files have them."""

    finished: str = ""
    """When the training ended; ISO 8601, UTC."""

    image: str = ""
    """The container image that it ran in; empty where it is not known, as outside a cluster."""

    kilowatt_hours: Optional[float] = None
    """That the accelerators took, as they count it; None where they do not."""


CHECKPOINT = Format(
    "checkpoint",
    1,
    CheckpointFacts,
    OfTheRun(
        facts=("seconds", "resumed", "hardware", "finished", "image", "kilowatt_hours"), files=(LOG, f"{TENSORBOARD}/")
    ),
)
Checkpoint = Artifact[CheckpointFacts]


def architecture_of(model: Path) -> str:
    """Describe a model by its own files, such as BertForQuestionAnswering: 6 layers, 22.6 million parameters."""
    from safetensors import safe_open

    config = read_object(model / CONFIG)
    parts = [config[part] for part in (ENCODER, DECODER)] if ENCODER in config else [config]
    layers = [str(part[key]) for part in parts for key in _LAYERS if isinstance(part.get(key), int)]
    with safe_open(str(model / _WEIGHTS), "np") as weights:
        sizes = [np.prod(weights.get_slice(name).get_shape()) for name in list(weights.keys())]
    millions = f"{sum(sizes) / 1e6:,.1f}" if sum(sizes) >= 1e6 else f"{sum(sizes) / 1e6:.3g}"
    kind = (config.get("architectures") or [config["model_type"]])[0]
    return f"{kind}: {' + '.join(layers)} layers, {millions} million parameters"


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
