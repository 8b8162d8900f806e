"""Fine-tune a pretrained model on several nodes with GPUs: the finetune step, done by a TrainJob."""

import re
from pathlib import Path
from typing import Any, Mapping, Optional

from podtune.errors import BadInput
from podtune.jobs.finetuning import finetune_by
from podtune.jobs.trainjob import TrainJob
from podtune.sections import read_section
from podtune.training.config import TrainingConfig

_NODES = re.compile(r"([1-9]\d{0,2})x([1-9]\d?)")


def run(  # noqa: PLR0913  # as many as the component has
    prepared_data: str,
    base_model: str,
    checkpoint: Path,
    *,
    training: Mapping[str, Any],
    workspace: str,
    nodes: str = "1x1",
    image: str = "",
    checkpoint_facts: Optional[Path] = None,
) -> None:
    """Have a TrainJob fine-tune a model; the inputs are s3:// URIs, and the image is podtune's own by default."""
    config = read_section(TrainingConfig, training, "training")
    counts = _NODES.fullmatch(nodes)
    if not counts:
        raise BadInput(f"nodes must be the nodes and the GPUs of each, such as 2x4; got {nodes!r}")
    finetune_by(
        TrainJob(),
        {"nodes": int(counts[1]), "gpus": int(counts[2])},
        prepared_data=prepared_data,
        base_model=base_model,
        checkpoint=checkpoint,
        config=config,
        device="gpu",
        workspace=workspace,
        image=image,
        checkpoint_facts=checkpoint_facts,
    )
