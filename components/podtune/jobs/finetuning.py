"""The finetune step, done by a job of one kind or the other."""

from pathlib import Path
from typing import Dict, Optional

from podtune.formats.checkpoint import CHECKPOINT, LOG
from podtune.formats.facts import write_facts
from podtune.image_names import image_of
from podtune.jobs.computation import Computation, compute, s3_uri
from podtune.jobs.kind import Kind
from podtune.sections import to_mapping
from podtune.training.config import TrainingConfig


def finetune_by(  # noqa: PLR0913  # as many as the steps have
    kind: Kind,
    size: Dict[str, int],
    *,
    prepared_data: str,
    base_model: str,
    checkpoint: Path,
    config: TrainingConfig,
    device: str,
    workspace: str,
    image: str,
    checkpoint_facts: Optional[Path],
) -> None:
    """Have a job of this size fine-tune a model; the inputs are s3:// URIs, the image is the device's by default."""
    computation = Computation(
        step="finetune",
        inputs={
            "prepared_data": s3_uri(prepared_data, "the prepared data"),
            "base_model": s3_uri(base_model, "the base model"),
        },
        output="checkpoint",
        arguments={"training": to_mapping(config), "device": device, "workspace": workspace},
        size=size,
        workspace=workspace,
        image=image or image_of(device),
    )
    compute(computation, kind, checkpoint)
    write_facts(CHECKPOINT, checkpoint, checkpoint_facts, [LOG])
