"""Fine-tune a pretrained model on IPUs: the finetune step, done by an IPUJob."""

from pathlib import Path
from typing import Any, Mapping

from podtune.errors import BadInput
from podtune.ipujobs.computation import Computation, compute, s3_uri
from podtune.sections import read_section, to_mapping
from podtune.training.config import TrainingConfig


def run(
    features: str, base_model: str, checkpoint: Path, *, training: Mapping[str, Any], workspace: str, image: str
) -> None:
    """Have a model fine-tuned by an IPUJob; features and base model are given by their URIs in S3."""
    config = read_section(TrainingConfig, training, "training")
    if config.ipu is None:
        raise BadInput("training.ipu is missing; it says how the model lies on IPUs")
    computation = Computation(
        step="finetune",
        inputs={"features": s3_uri(features, "features"), "base-model": s3_uri(base_model, "the base model")},
        output="checkpoint",
        settings=to_mapping(config),
        options={"device": "ipu", "workspace": workspace},
        ipus=config.ipu.ipus,
        workspace=workspace,
        image=image,
    )
    compute(computation, checkpoint)
