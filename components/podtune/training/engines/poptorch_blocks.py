"""A placed model as PopTorch is told of it: blocks, outputs to keep, and the loss."""

from typing import Any

import poptorch
import torch

from podtune.training.engines.placement import Placed


def mark_blocks(placed: Placed, *, keep_every_layer: bool) -> None:
    """Tell PopTorch which part of the model is on which IPU, and whose outputs the backward pass finds again."""
    for program in (placed.form.training, placed.form.predicting):
        poptorch.BeginBlock(program, ipu_id=0)
    placed.form.training.register_forward_hook(_as_loss)
    for part, ipu in placed.parts:
        poptorch.BeginBlock(part, ipu_id=ipu)
    if keep_every_layer:
        for part, _ in placed.parts[:-1]:
            part.register_forward_hook(_keep)


def _as_loss(module: Any, given: Any, loss: torch.Tensor) -> Any:  # noqa: ARG001  # the signature of a hook
    """The backend takes one loss only, and has to be told that this sum is it."""
    return poptorch.identity_loss(loss, reduction="none")


def _keep(module: Any, given: Any, told: Any) -> Any:  # noqa: ARG001  # the signature of a hook
    """Keep what a part puts out, in training."""
    if not module.training or not poptorch.isRunningOnIpu():
        return told
    if isinstance(told, tuple):  # as the layers of transformers 4 do
        return (poptorch.recomputationCheckpoint(told[0]), *told[1:])
    return poptorch.recomputationCheckpoint(told)
