"""What is seen while a model is traced on the meta device in place of an IPU."""

from collections import Counter
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Set, Tuple

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten

FREE = {"detach", "alias", "empty", "empty_strided", "empty_like", "lift_fresh", "_to_copy", "to", "scalar_tensor"}
FREE |= {"_local_scalar_dense", "new_empty", "new_empty_strided", "set"}
"""Operators that the tracer folds away, or that exist below autograd only."""

LOSSES = {"cross_entropy", "nll_loss", "binary_cross_entropy", "binary_cross_entropy_with_logits", "mse_loss", "kl_div"}
"""Functions that the backend turns into a loss of its own."""


FACTORIES = ["arange", "empty", "full", "linspace", "ones", "rand", "randint", "randn", "randperm", "tensor", "zeros"]
"""Functions of torch that make a tensor of nothing."""


class Operator(NamedTuple):
    name: str
    ipu: int


class Trace:
    """One program."""

    def __init__(self) -> None:
        self.blocks: List[Tuple[int, int]] = []
        """Stage and IPU, in the order in which they were entered."""

        self.operators: List[Operator] = []
        self.losses: List[str] = []
        self.groups: Dict[int, List[str]] = {}
        """Optimizer group to names of parameters."""

        self.parameter_names: Dict[int, str] = {}
        self.parameter_ipus: Dict[str, Set[int]] = {}
        self.checkpoints = 0
        self.unsupported: "Counter[str]" = Counter()
        self.without_device: "Counter[str]" = Counter()
        self.outside_block = 0
        self.used_ipus: Set[int] = set()
        self.ipu = self.last_ipu = self.switches = 0

    @property
    def forward_stages(self) -> int:
        return self.switches + 1

    def begin_block(self, stage: int, ipu: int) -> None:
        self.blocks.append((stage, ipu))
        self.switches += ipu != self.last_ipu
        self.ipu = self.last_ipu = ipu

    def record(self, name: str, handlers: Set[str], tensors: List[torch.Tensor]) -> None:
        base = name if name.startswith("_") else name.rstrip("_")
        for tensor in tensors:
            parameter = self.parameter_names.get(id(tensor))
            if parameter is not None:
                self.parameter_ipus.setdefault(parameter, set()).add(self.ipu)
        self.operators.append(Operator(name, self.ipu))
        if base in FREE:
            return
        self.outside_block += self.ipu < 0
        self.used_ipus.add(max(self.ipu, 0))
        if base not in handlers:
            self.unsupported[base] += 1


class LossRecorder(TorchFunctionMode):
    def __init__(self, trace: Trace) -> None:
        super().__init__()
        self._trace = trace

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if getattr(func, "__name__", "") in LOSSES:
            self._trace.losses.append(func.__name__)
        return func(*args, **(kwargs or {}))


class OperatorRecorder(TorchDispatchMode):
    def __init__(self, trace: Trace, handlers: Set[str]) -> None:
        super().__init__()
        self._trace, self._handlers = trace, handlers

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        space, _, rest = str(func).partition(".")
        if space == "aten":
            tensors = [each for each in tree_flatten((args, kwargs or {}))[0] if isinstance(each, torch.Tensor)]
            self._trace.record(rest.split(".")[0], self._handlers, tensors)
        return func(*args, **(kwargs or {}))


class Operators:
    """torch.ops.poptorch.*; `running` gives the trace that is under way, if one is."""

    def __init__(self, running: Callable[[], Optional[Trace]]) -> None:
        self._running, self._library = running, torch.library.Library("poptorch", "DEF")
        for schema, function in (
            ("begin_ipu_block(int stage_id, int phase_id, int ipu_id) -> ()", self._begin),
            ("end_ipu_block() -> ()", self._end),
            ("optimizer_group(int group, Tensor[] inputs) -> ()", self._group),
            ("push_name_scope(str name) -> ()", self._nothing),
            ("pop_name_scope() -> ()", self._nothing),
            ("recomputation_checkpoint(Tensor self) -> Tensor", self._checkpoint),
            ("identity_loss(Tensor x, int reduction) -> Tensor", self._identity_loss),
            ("internal_cast(Tensor self, str dtype) -> Tensor", self._cast),
        ):
            self._library.define(schema)
            self._library.impl(schema.split("(")[0], function, "CompositeImplicitAutograd")

    def _begin(self, stage_id: int, phase_id: int, ipu_id: int) -> None:
        trace = self._running()
        if trace is not None:
            trace.begin_block(stage_id, ipu_id)

    def _end(self) -> None:
        trace = self._running()
        if trace is not None:
            trace.ipu = -1

    def _identity_loss(self, x: torch.Tensor, reduction: int) -> torch.Tensor:
        trace = self._running()
        if trace is not None:
            trace.losses.append("identity_loss")
        return (x.sum, x.mean, x.clone)[min(reduction, 2)]()

    def _checkpoint(self, tensor: torch.Tensor) -> torch.Tensor:
        trace = self._running()
        if trace is not None:
            trace.checkpoints += 1
        return tensor.clone()

    def _group(self, group: int, inputs: List[torch.Tensor]) -> None:
        trace = self._running()
        if trace is not None:
            trace.groups[group] = [trace.parameter_names.get(id(tensor), "?") for tensor in inputs]

    def _cast(self, tensor: torch.Tensor, dtype: str) -> torch.Tensor:
        return tensor.half() if dtype == "FLOAT16" else tensor.float()

    def _nothing(self, *_: Any) -> None:
        return None


class Factories:
    """PopTorch's way to have new tensors on the IPU; here on meta, and counted, for they are a model's mistake."""

    def __init__(self, backend: Any) -> None:
        self._backend, self._real = backend, {name: getattr(torch, name) for name in FACTORIES}

    def replace(self) -> None:
        for name, real in self._real.items():
            setattr(torch, name, self._on_meta(name, real))

    def restore(self) -> None:
        for name, real in self._real.items():
            setattr(torch, name, real)

    def __enter__(self) -> None:
        self.replace()

    def __exit__(self, *error: Any) -> None:
        self.restore()

    def _on_meta(self, name: str, real: Any) -> Any:
        def factory(*args: Any, **kwargs: Any) -> Any:
            if "device" not in kwargs and self._backend.trace is not None:
                self._backend.trace.without_device[name] += 1
            return real(*args, **{"device": "meta", **kwargs})

        return factory
