"""The state of a run on IPUs as one flat mapping of tensors, which is what safetensors holds."""

from typing import Any, Dict, List, Mapping, NamedTuple

import torch

_WEIGHTS, _GENERATOR = "weights/", "generator"
_OF_THE_IPU = ("ipu_state", "ipu_param")
"""Of a PopTorch optimizer's state: moments by name, and what counts its updates."""


class Saved(NamedTuple):
    """What a run continues from."""

    weights: Dict[str, torch.Tensor]
    optimizer: Dict[str, Any]
    """For the optimizer's load_state_dict; empty where it had no state yet."""

    generator: List[int]
    """Seed and state of the IPUs' random generator; empty before the first step."""


def flattened(
    weights: Mapping[str, torch.Tensor], optimizer: Mapping[str, Any], generator: List[int]
) -> Dict[str, torch.Tensor]:
    """Put everything under names of one mapping."""
    flat = {_WEIGHTS + name: tensor.contiguous() for name, tensor in weights.items()}
    for part in _OF_THE_IPU:
        for name, tensor in (optimizer.get(part) or {}).items():
            flat[f"{part}/{name}"] = torch.as_tensor(tensor).detach().clone().contiguous()
    flat[_GENERATOR] = torch.tensor(generator, dtype=torch.int64)
    return flat


def restored(flat: Mapping[str, torch.Tensor], optimizer: Mapping[str, Any]) -> Saved:
    """Take apart what `flattened` made; `optimizer` is the state of the new run's, whose own part is kept."""
    parts: Dict[str, Dict[str, torch.Tensor]] = {part: {} for part in _OF_THE_IPU}
    for key, tensor in flat.items():
        part, _, name = key.partition("/")
        if part in parts:
            parts[part][name] = tensor
    weights = {key[len(_WEIGHTS) :]: tensor for key, tensor in flat.items() if key.startswith(_WEIGHTS)}
    state = {**optimizer, **parts} if all(parts.values()) else {}
    return Saved(weights, state, flat[_GENERATOR].tolist())
