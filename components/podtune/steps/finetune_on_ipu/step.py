"""Fine-tune a pretrained model on IPUs: the finetune step, done by an IPUJob."""

from pathlib import Path
from typing import Any, Mapping, Optional

from podtune.formats.checkpoint import CHECKPOINT, LOG
from podtune.formats.facts import write_facts
from podtune.image_names import image_of
from podtune.jobs.computation import Computation, compute, s3_uri
from podtune.jobs.ipujob import IpuJob
from podtune.sections import read_section, to_mapping
from podtune.training.config import TrainingConfig


def run(
    prepared_data: str,
    base_model: str,
    checkpoint: Path,
    *,
    training: Mapping[str, Any],
    workspace: str,
    image: str = "",
    checkpoint_facts: Optional[Path] = None,
) -> None:
    """Have an IPUJob fine-tune a model; the inputs are s3:// URIs, and the image is podtune's own by default."""
    config = read_section(TrainingConfig, training, "training")
    computation = Computation(
        step="finetune",
        inputs={
            "prepared_data": s3_uri(prepared_data, "the prepared data"),
            "base_model": s3_uri(base_model, "the base model"),
        },
        output="checkpoint",
        arguments={"training": to_mapping(config), "device": "ipu", "workspace": workspace},
        size={"ipus": config.on_ipus().ipus},
        workspace=workspace,
        image=image or image_of("ipu"),
    )
    compute(computation, IpuJob(), checkpoint)
    write_facts(CHECKPOINT, checkpoint, checkpoint_facts, [LOG])
