"""What a model says to PopTorch from within: where a block begins, what to keep, and which sum is the loss."""

import contextlib
from typing import Any, Iterator, Optional

import torch
from torch import nn

from poptorch_layer.stand_in.options import _Execution


class Context:
    """Of the one program that is traced or executed at the moment."""

    on_ipu = False
    execution: Optional[_Execution] = None
    """Set while a program is traced."""


@contextlib.contextmanager
def on_ipu(execution: Optional[_Execution] = None) -> Iterator[None]:
    """Have the model find itself on an IPU; with an execution strategy, traced."""
    Context.on_ipu, Context.execution = True, execution
    try:
        yield
    finally:
        Context.on_ipu, Context.execution = False, None


def isRunningOnIpu() -> bool:
    return Context.on_ipu


class _Begin:
    def __init__(self, ipu: int) -> None:
        self._ipu = ipu

    def __call__(self, module: nn.Module, arguments: Any) -> None:
        if Context.execution is not None:
            stage = Context.execution._stage_of(id(module), self._ipu)
            torch.ops.poptorch.begin_ipu_block(stage, 0, self._ipu)


def BeginBlock(layer_to_call: nn.Module, user_id: Optional[str] = None, ipu_id: Optional[int] = None) -> nn.Module:
    assert user_id is None, "the stand-in numbers the blocks itself"
    assert ipu_id is not None, "the stand-in chooses no IPU"
    assert not any(isinstance(hook, _Begin) for hook in layer_to_call._forward_pre_hooks.values()), "begun already"
    layer_to_call.register_forward_pre_hook(_Begin(ipu_id))
    return layer_to_call


def recomputationCheckpoint(*tensors: torch.Tensor) -> Any:
    kept = tuple(torch.ops.poptorch.recomputation_checkpoint(tensor) for tensor in tensors)
    return kept[0] if len(kept) == 1 else kept


def identity_loss(x: torch.Tensor, reduction: str) -> torch.Tensor:
    loss: torch.Tensor = torch.ops.poptorch.identity_loss(x, ("sum", "mean", "none").index(reduction))
    return loss
