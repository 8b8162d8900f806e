"""Fine-tune a pretrained model on IPUs: the finetune step, done by an IPUJob."""

from pathlib import Path
from typing import Any, Mapping, Optional

from podtune.jobs.finetuning import finetune_by
from podtune.jobs.ipujob import IpuJob
from podtune.sections import read_section
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
    finetune_by(
        IpuJob(),
        {"ipus": config.on_ipus().ipus},
        prepared_data=prepared_data,
        base_model=base_model,
        checkpoint=checkpoint,
        config=config,
        device="ipu",
        workspace=workspace,
        image=image,
        checkpoint_facts=checkpoint_facts,
    )
