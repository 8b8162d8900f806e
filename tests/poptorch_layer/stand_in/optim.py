"""PopTorch's optimizer that podtune uses: torch's, with what only an IPU has."""

from typing import Any, Callable, Dict, Iterable, Optional, Tuple

import torch

ADAMW = 3
"""The compiled half's number of it."""

_HALF = {torch.float16: True, torch.float32: False}
_Moments = Dict[str, Any]


class AdamW(torch.optim.AdamW):
    def __init__(
        self,
        params: Iterable[Any],
        lr: Optional[float] = None,
        betas: Optional[Tuple[float, float]] = None,
        eps: Optional[float] = None,
        weight_decay: Optional[float] = None,
        amsgrad: Optional[bool] = None,
        maximize: Optional[bool] = None,
        foreach: Optional[bool] = None,
        capturable: Optional[bool] = None,
        differentiable: Optional[bool] = None,
        fused: Optional[bool] = None,
        loss_scaling: Optional[float] = None,
        bias_correction: Optional[bool] = None,
        accum_type: Optional[torch.dtype] = None,
        first_order_momentum_accum_type: Optional[torch.dtype] = None,
        second_order_momentum_accum_type: Optional[torch.dtype] = None,
        max_grad_norm: Optional[float] = None,
    ) -> None:
        refused = (amsgrad, maximize, foreach, capturable, differentiable, fused)
        assert not any(refused), "no IPU has these"
        assert bias_correction is not False, "the stand-in corrects the bias"
        named: Dict[str, Any] = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay}
        super().__init__(params, **{name: value for name, value in named.items() if value is not None})
        self.loss_scaling = 1.0 if loss_scaling is None else loss_scaling
        self.max_grad_norm = float("inf") if max_grad_norm is None else max_grad_norm
        types = (accum_type, first_order_momentum_accum_type, second_order_momentum_accum_type)
        self.types = [_HALF[each or torch.float32] for each in types]
        self.moments: _Moments = {"ipu_state": None, "ipu_param": None}
        self.fetch: Callable[[], _Moments] = lambda: self.moments
        """Set by the program that trains with it: its moments where they are newer than these."""

        self.is_new = False
        """Whether `moments` were loaded and no program has them yet."""

    def state_dict(self) -> Dict[str, Any]:
        self.moments = self.fetch()
        return {**self.moments, **super().state_dict()}

    def load_state_dict(self, state_dict: Dict[str, Any]) -> None:
        self.moments = {name: state_dict[name] for name in ("ipu_state", "ipu_param")}
        self.is_new = True
        super().load_state_dict({name: state_dict[name] for name in ("state", "param_groups")})

    def _for_program(self) -> Dict[str, Any]:
        """What the compiled half takes, each number with whether it is a constant of the program."""
        scaling = {"lossScaling": (self.loss_scaling, False)}
        names = ("accumType", "firstOrderMomentumAccumType", "secondOrderMomentumAccumType")
        return {
            "optimizer_type": ADAMW,
            "maxGradNorm": self.max_grad_norm,
            **dict(zip(names, self.types)),
            "defaults": {**_numbers(self.defaults), **scaling},
            "groups": [_numbers(group) for group in self.param_groups],
        }


def _numbers(group: Dict[str, Any]) -> Dict[str, Tuple[float, bool]]:
    beta1, beta2 = group["betas"]
    values = {"learningRate": group["lr"], "beta1": beta1, "beta2": beta2}
    values.update(eps=group["eps"], weightDecay=group["weight_decay"])
    return {name: (value, False) for name, value in values.items()}
