"""Score a fine-tuned model on IPUs: the evaluate step, done by an IPUJob."""

from pathlib import Path
from typing import Any, Dict, Mapping

from podtune.errors import BadInput
from podtune.formats.checkpoint import CheckpointFacts
from podtune.formats.evaluation import EVALUATION
from podtune.image_names import image_of
from podtune.jobs.computation import Computation, compute, s3_uri
from podtune.jobs.ipujob import IpuJob
from podtune.sections import read_section
from podtune.stores.opening import open_store
from podtune.stores.sealed_objects import read_sealed
from podtune.training.config import TrainingConfig


def run(
    prepared_data: str, checkpoint: str, scores: Path, *, evaluation: Mapping[str, Any], workspace: str, image: str = ""
) -> Dict[str, float]:
    """Have every example of a split scored once by an IPUJob; return the metrics, the loss, and how many there were.

    The inputs are s3:// URIs; the model is placed on the IPUs as in training. The image is podtune's own by default.
    """
    inputs = {
        "prepared_data": s3_uri(prepared_data, "the prepared data"),
        "checkpoint": s3_uri(checkpoint, "the checkpoint"),
    }
    computation = Computation(
        step="evaluate",
        inputs=inputs,
        output="scores",
        arguments={"evaluation": evaluation, "device": "ipu", "workspace": workspace},
        size={"ipus": _ipus_of(inputs["checkpoint"])},
        workspace=workspace,
        image=image or image_of("ipu"),
    )
    compute(computation, IpuJob(), scores)
    return EVALUATION.read(scores).facts.numbers()


def _ipus_of(checkpoint: str) -> int:
    """As many as the training used."""
    facts = read_section(CheckpointFacts, read_sealed(open_store(checkpoint), "").facts, f"{checkpoint} facts")
    config = read_section(TrainingConfig, facts.training, "the checkpoint's training")
    if config.ipu is None:
        raise BadInput(f"{checkpoint} was trained without training.ipu, which places the model on IPUs")
    return config.ipu.ipus
