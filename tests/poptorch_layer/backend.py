"""Stands in for poptorch.poptorch_core, the compiled half: traces, checks as the C++ side does, and runs on the CPU."""

import contextlib
import json
import types
from collections import OrderedDict
from enum import Enum
from pathlib import Path
from typing import Any, Callable, ContextManager, Dict, List, Optional, Sequence, Tuple

import torch

from poptorch_layer.checks import check_graph, check_options
from poptorch_layer.execution import execute
from poptorch_layer.tracing import LossRecorder, OperatorRecorder, Operators, Trace

FACTS: Dict[str, Any] = json.loads(Path(__file__).with_name("poptorch_api.json").read_text(encoding="utf-8"))
"""Public names, signatures and enums of PopTorch 3.4, and what its compiled half knows: options and operators."""

MK2 = 2
ALL_IPUS = 64


class Error(Exception):
    """poptorch.Error"""


class RecoverableError(Error):
    recovery_action = "IPU_RESET"


class UnrecoverableError(Error):
    pass


class TracingMode(Enum):
    PopART = 0


class CompilerOptions:
    def __init__(self) -> None:
        self.source_location_excludes: List[str] = []


class Executable:
    """A compiled program with the device's own copy of the weights."""

    def __init__(self, executor: Any, options: Dict[str, Any], training: bool, optimizer: Any, trace: Trace) -> None:
        self.executor, self.options, self.training = executor, options, training
        self.optimizer, self.trace = optimizer, trace
        self.weights: "OrderedDict[str, torch.Tensor]" = OrderedDict()
        self.state: Dict[str, Dict[str, torch.Tensor]] = {}
        self.attached = options.get("connection_type", 0) == 0
        self.steps = 0
        self.generator = [int(options.get("random_seed", 42)), 0]
        """Seed, and what was drawn with it."""

    def __bool__(self) -> bool:
        return True


class Backend(types.ModuleType):
    """The module. What is not written out below is accepted, and does nothing."""

    Error, RecoverableError, UnrecoverableError = Error, RecoverableError, UnrecoverableError
    TracingMode, CompilerOptions = TracingMode, CompilerOptions

    def __init__(self, on_ipu: Callable[[Any], ContextManager[None]]) -> None:
        """`on_ipu` has an executor's model find itself on an IPU while a program runs."""
        super().__init__("poptorch.poptorch_core")
        self.on_ipu = on_ipu
        self.hardware_version = MK2
        self.trace: Optional[Trace] = None
        self.last: Optional[Executable] = None
        """The program that was compiled last."""

        self.executor: Any = None
        self._dispatching = False
        self._known_options = {kind: set(names) for kind, names in FACTS["session_options"].items()}
        self._handlers = set(FACTS["aten_handlers"])
        self._operators: Optional[Operators] = None
        self._recording = contextlib.ExitStack()
        self._real_cpu: Any = None

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return lambda *_, **__: None

    def register_operators(self) -> None:
        """Have torch know torch.ops.poptorch; a process can do this once."""
        self._operators = Operators(self._running)

    def _running(self) -> Optional[Trace]:
        return self.trace if self._dispatching else None

    def ipuHardwareVersion(self, num_ipus: int = 1) -> int:
        return self.hardware_version if num_ipus <= ALL_IPUS else 0

    def getIpuTensorId(self, tensor: torch.Tensor) -> int:
        return id(tensor)

    def isAttachedToDevice(self, program: Executable) -> bool:
        return program.attached

    def attachToDevice(self, program: Executable) -> None:
        program.attached = True

    def detachFromDevice(self, program: Executable) -> None:
        program.attached = False

    def getRandomSeed(self, program: Executable) -> int:
        return program.generator[0]

    def getRngState(self, program: Executable) -> List[int]:
        return program.generator[1:]

    def setRngState(self, program: Executable, seed: int, state: List[int]) -> None:
        program.generator = [seed, *(state or [0])]

    def createGraph(self, mode: Any, tensors: Sequence[torch.Tensor], options: Any) -> None:
        self.trace = Trace()
        for tensor in tensors:
            if 0 in tensor.shape:
                raise Error(f"Zero-sized tensors are unsupported (Got shape {list(tensor.shape)}).")

    def mapParamsToNames(self, names: Sequence[str], tensors: Sequence[torch.Tensor]) -> None:
        assert self.trace is not None
        self.trace.parameter_names.update({id(tensor): name for name, tensor in zip(names, tensors)})

    def startDispatch(self) -> None:
        assert self.trace is not None
        self._dispatching = True
        self._recording.enter_context(OperatorRecorder(self.trace, self._handlers))
        self._recording.enter_context(LossRecorder(self.trace))

    def endDispatch(self, failed: bool = False) -> None:
        self._dispatching = False
        self._recording.close()
        self.endOutputsMove()

    def startOutputsMove(self) -> None:
        """Outputs are only described at this point, and have no content that could be moved."""
        self._real_cpu = torch.Tensor.cpu
        torch.Tensor.cpu = lambda tensor, *_, **__: tensor

    def endOutputsMove(self) -> None:
        if self._real_cpu is not None:
            torch.Tensor.cpu, self._real_cpu = self._real_cpu, None

    def isCompilingWithDispatcher(self) -> bool:
        return self._dispatching

    def destroyDispatcher(self) -> None:
        self.endDispatch(True)

    def compileWithManualTracing(
        self, options: Dict[str, Any], accessor: Any, training: bool, optimizer: Any, anchors: Any
    ) -> Executable:
        trace = self.trace
        assert trace is not None
        trace.used_ipus = trace.used_ipus or {0}
        for problem in (*check_options(options, self._known_options), *check_graph(options, training, trace)):
            raise Error(problem)
        self.last = Executable(self.executor, options, training, optimizer, trace)
        return self.last

    def copyWeightsToDevice_impl(
        self, program: Executable, names: Sequence[str], tensors: Sequence[torch.Tensor]
    ) -> None:
        for name, tensor in zip(names, tensors):
            program.weights[name] = tensor.detach().clone().as_subclass(torch.Tensor)

    def copyWeightsToHost_impl(
        self, program: Executable, names: Sequence[str], tensors: Sequence[torch.Tensor]
    ) -> None:
        with torch.no_grad():
            for name, tensor in zip(names, tensors):
                if name in program.weights:
                    torch.Tensor.copy_(tensor.detach(), program.weights[name].to(tensor.dtype))

    def updateOptimizers(self, program: Executable, optimizer: Any) -> None:
        program.optimizer = optimizer

    def readOptimizerState(self, program: Executable) -> Dict[str, Any]:
        moments = program.state.items()
        flat = {f"{kind}___{name}": tensor.clone() for name, kinds in moments for kind, tensor in kinds.items()}
        return {"ipu_state": flat, "ipu_param": {"step": torch.tensor(program.steps)}}

    def writeOptimizerState(self, program: Executable, state: Dict[str, Any]) -> None:
        program.state = {}
        for key, tensor in (state.get("ipu_state") or {}).items():
            kind, _, name = key.partition("___")
            program.state.setdefault(name, {})[kind] = tensor.clone()
        if state.get("ipu_param"):
            program.steps = int(state["ipu_param"]["step"])

    def execute(self, program: Executable, inputs: Tuple[torch.Tensor, ...]) -> List[torch.Tensor]:
        with self.on_ipu(program.executor):
            return execute(program, list(inputs))

    def report(self) -> Dict[str, Any]:
        """What the program that was compiled last consists of."""
        assert self.last is not None
        trace, model = self.last.trace, self.last.executor._model
        sizes = {name: parameter.numel() for name, parameter in model.named_parameters()}
        on_ipu: Dict[int, int] = {}
        for name, ipus in trace.parameter_ipus.items():
            for ipu in ipus:
                on_ipu[ipu] = on_ipu.get(ipu, 0) + sizes.get(name, 0)
        return {
            "parameters": [on_ipu.get(ipu, 0) for ipu in range(max(trace.used_ipus) + 1)],
            "shared": sorted(name for name, ipus in trace.parameter_ipus.items() if len(ipus) > 1),
            "unused": sorted(set(sizes) - set(trace.parameter_ipus)),
            "stages": trace.forward_stages,
            "losses": trace.losses,
            "checkpoints": trace.checkpoints,
            "unsupported": dict(trace.unsupported),
            "without_device": dict(trace.without_device),
            "outside_block": trace.outside_block,
        }
