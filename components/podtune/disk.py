"""The disk that each step's pod needs, worked out from the sizes of what it reads and writes."""

from dataclasses import dataclass
from math import ceil
from typing import Dict, Optional

REQUEST = "ephemeral-storage"
"""Kubernetes' name of what is requested."""

MARGIN = 1.2
"""What is requested, to what is expected: blocks of the disk, tokenizers, and files on their way."""

BESIDES = 1e9
"""Bytes of every pod: facts, scores, cards, logs and what libraries leave."""

STATES = 2
"""Of a training, beside those that it keeps: the one with the best weights, and the one in the making."""

WEIGHTS_A_STATE = 3
"""A state has the weights and the optimizer's two moments of each."""


@dataclass(frozen=True)
class Sizes:
    """Bytes of the artifacts; None where that is not known."""

    raw_data: Optional[float] = None
    features: Optional[float] = None
    weights: Optional[float] = None
    """Of the pretrained model, and of the fine-tuned one."""

    keep_checkpoints: int = 0
    """As the recipe's training section says."""


_PARTS: Dict[str, Dict[str, int]] = {
    "fetch_data": {"raw_data": 1},
    "fetch_model": {"weights": 1},
    "tokenize_squad": {"raw_data": 1, "weights": 1, "features": 1},
    "extract_lxmert": {"raw_data": 1, "weights": 1, "features": 1},
    "prepare_captions": {"raw_data": 1, "weights": 1, "features": 1},
    "finetune": {"features": 1, "weights": 2},
    "finetune_on_ipu": {"weights": 1},
    "finetune_on_nodes": {"weights": 1},
    "evaluate": {"features": 1, "weights": 1},
    "publish": {"weights": 1},
}
"""Step to what lies on its disk, and how many times; the others have nothing that is large."""


def disk_of(step: str, sizes: Sizes) -> Optional[int]:
    """Bytes to request for a step's pod, with the margin; None where one of the sizes is not known."""
    parts = dict(_PARTS.get(step, {}))
    if step == "finetune":
        parts["weights"] += WEIGHTS_A_STATE * (sizes.keep_checkpoints + STATES)
    total = BESIDES
    for part, times in parts.items():
        size: Optional[float] = getattr(sizes, part)
        if size is None:
            return None
        total += times * size
    return ceil(MARGIN * total)


def quantity(size: int) -> str:
    """Bytes as Kubernetes writes a quantity: whole gigabytes, rounded up."""
    return f"{ceil(size / 1e9)}G"
