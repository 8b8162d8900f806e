"""The tensors in nested arguments or results, as PopTorch takes them out and puts them back."""

from typing import Any, Iterable, Iterator, List

import torch


def tensors_in(structure: Any) -> List[torch.Tensor]:
    """All of them, in order; what is none is passed over."""
    if isinstance(structure, torch.Tensor):
        return [structure]
    members = structure.values() if isinstance(structure, dict) else structure
    return [each for member in members for each in tensors_in(member)] if _is_nested(structure) else []


def with_tensors(structure: Any, tensors: Iterable[torch.Tensor]) -> Any:
    """The same structure with other tensors."""
    return _filled(structure, iter(tensors))


def _filled(structure: Any, tensors: Iterator[torch.Tensor]) -> Any:
    if isinstance(structure, torch.Tensor):
        return next(tensors)
    if isinstance(structure, dict):
        return {name: _filled(member, tensors) for name, member in structure.items()}
    return type(structure)(_filled(each, tensors) for each in structure) if _is_nested(structure) else structure


def _is_nested(structure: Any) -> bool:
    return isinstance(structure, (dict, list, tuple))
