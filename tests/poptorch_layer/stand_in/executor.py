"""PopTorch's programs: a model that is traced, compiled and run, with the weights and moments that the IPUs hold.

Stricter than PopTorch in one thing: nothing is copied to the host because somebody looks at it.
"""

import copy
import inspect
from typing import Any, Dict, List, Optional

import torch
from torch import nn

from poptorch_layer.backend import Backend, Error, Executable
from poptorch_layer.stand_in.blocks import on_ipu
from poptorch_layer.stand_in.optim import AdamW
from poptorch_layer.stand_in.options import Options, OutputMode
from poptorch_layer.tensors import tensors_in, with_tensors
from poptorch_layer.tracing import Factories

backend = Backend(lambda _: on_ipu())


class PoplarExecutor:
    def __init__(
        self,
        model: nn.Module,
        options: Optional[Options],
        training: bool,
        poptorch_version: str,
        optimizer: Optional[AdamW] = None,
        user_model: Optional[nn.Module] = None,
    ) -> None:
        assert poptorch_version == "3.4.0"
        assert isinstance(optimizer, AdamW) if training else optimizer is None, "to train takes AdamW, nothing else"
        options = options or Options()
        options._freeze()
        self._options = options.clone()
        self._require_options(training)
        self._model, self.model, self._training = model, user_model or model, training
        self._executable: Optional[Executable] = None
        self._executable_inputs: Any = None
        self._outputs_structure: Any = None
        self._moments_are_newer = self._generator_is_newer = False
        """Whether the IPUs' are newer than the host's."""

        self._generator: List[int] = [self._options.values.get("random_seed", 0)]
        self._optimizer: Optional[AdamW] = None
        self._sent: Optional[Dict[str, Any]] = None
        """The optimizer's numbers at the last setOptimizer; what is set afterwards counts for nothing until then."""

        if optimizer is not None:
            self.setOptimizer(optimizer)

    def compile(self, *args: Any, **kwargs: Any) -> None:
        if self._executable is None:
            self._executable_inputs = self._bound(args, kwargs)
            self._trace()
            options, sent = self._options.toDict(), self._sent
            self._executable = backend.compileWithManualTracing(options, None, self._training, sent, [])
            self._after_attaching()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self.compile(*args, **kwargs)
        if not self.isAttachedToDevice():
            self.attachToDevice()
        arguments = self._bound(args, kwargs)
        compiled_for, tensors = self._tensors(self._executable_inputs), self._tensors(arguments)
        for name, expected, tensor in zip(arguments.arguments, compiled_for, tensors):
            if (expected.shape, expected.dtype) != (tensor.shape, tensor.dtype):
                raise Error(f"Shape mismatch for {name}: compiled for {expected.shape}, got {tensor.shape}")
        self._send_moments()
        outputs = backend.execute(self._compiled(), tuple(tensors))
        self._moments_are_newer, self._generator_is_newer = self._training, True
        return with_tensors(self._outputs_structure, outputs)

    def isCompiled(self) -> bool:
        return self._executable is not None

    def isAttachedToDevice(self) -> bool:
        return self._executable is not None and backend.isAttachedToDevice(self._executable)

    def attachToDevice(self) -> None:
        if self.isAttachedToDevice():
            raise Error("Device is already attached")
        backend.attachToDevice(self._compiled())
        self._after_attaching()

    def detachFromDevice(self) -> None:
        if not self.isAttachedToDevice():
            raise Error("Device is not attached")
        self._generator = self.rng_state
        if self._optimizer is not None:
            self.copyWeightsToHost()
            self._optimizer.state_dict()
        backend.detachFromDevice(self._compiled())

    def copyWeightsToHost(self) -> None:
        weights = self._weights()
        backend.copyWeightsToHost_impl(self._compiled(), list(weights), list(weights.values()))

    def copyWeightsToDevice(self) -> None:
        weights = self._weights()
        backend.copyWeightsToDevice_impl(self._compiled(), list(weights), list(weights.values()))

    def setOptimizer(self, optimizer: AdamW) -> None:
        self._optimizer, optimizer.fetch = optimizer, self._moments
        self._sent = optimizer._for_program()
        if self.isAttachedToDevice():
            backend.updateOptimizers(self._compiled(), self._sent)
            self._send_moments()

    @property
    def rng_state(self) -> List[int]:
        program = self._compiled()
        if self._generator_is_newer:
            self._generator = [backend.getRandomSeed(program), *backend.getRngState(program)]
            self._generator_is_newer = False
        return self._generator

    @rng_state.setter
    def rng_state(self, state: List[int]) -> None:
        program = self._compiled()
        self._generator, self._generator_is_newer = list(state), False
        if self.isAttachedToDevice():
            backend.setRngState(program, state[0], state[1:])

    def _require_options(self, training: bool) -> None:
        options = self._options
        if options.values["output_mode"] == OutputMode.Default:
            options.outputMode(OutputMode.Final if training else OutputMode.All)
        if not training and options.Training.values["gradient_accumulation"] != 1:
            raise Error("set Options().Training.gradientAccumulation to 1 for an inferenceModel")
        options._freeze()

    def _compiled(self) -> Executable:
        if self._executable is None:
            raise Error("Model has not been compiled or has been destroyed.")
        return self._executable

    def _bound(self, args: Any, kwargs: Any) -> inspect.BoundArguments:
        try:
            return inspect.signature(self._model.forward).bind(*args, **kwargs)
        except TypeError as error:
            raise Error(f"the model's arguments: {error}") from error

    def _tensors(self, bound: inspect.BoundArguments) -> List[torch.Tensor]:
        return tensors_in((bound.args, bound.kwargs))

    def _weights(self) -> Dict[str, torch.Tensor]:
        return {**dict(self._model.named_parameters()), **dict(self._model.named_buffers())}

    def _trace(self) -> None:
        """Run the model on tensors without content, one micro-batch of them, and record what it does."""
        on_meta = {name: _on_meta(tensor) for name, tensor in self._weights().items()}
        bound = self._executable_inputs
        inputs = [self._part(tensor).to("meta") for tensor in self._tensors(bound)]
        args, kwargs = with_tensors((bound.args, bound.kwargs), inputs)
        with Factories(backend):
            backend.createGraph(None, inputs, None)
            backend.mapParamsToNames(list(on_meta), list(on_meta.values()))
            backend.executor = self
            backend.startDispatch()
            try:
                with on_ipu(self._options.execution):
                    self._group_parameters(on_meta)
                    self._outputs_structure = torch.func.functional_call(self._model, on_meta, args, kwargs)
            finally:
                backend.endDispatch()

    def _group_parameters(self, on_meta: Dict[str, torch.Tensor]) -> None:
        names = {id(parameter): name for name, parameter in self._model.named_parameters()}
        for number, group in enumerate(self._optimizer.param_groups if self._optimizer else ()):
            torch.ops.poptorch.optimizer_group(number, [on_meta[names[id(each)]] for each in group["params"]])

    def _part(self, tensor: torch.Tensor) -> torch.Tensor:
        """What of an input one replica takes at a time."""
        options = self._options.toDict()
        parts = options["device_iterations"] * options["replication_factor"] * options["gradient_accumulation"]
        assert len(tensor) % parts == 0, f"{len(tensor)} rows are not a multiple of {parts} micro-batches"
        return tensor[: len(tensor) // parts]

    def _after_attaching(self) -> None:
        self.copyWeightsToDevice()
        if self._optimizer is not None:
            backend.updateOptimizers(self._compiled(), self._sent)
            self._optimizer.is_new = self._optimizer.moments["ipu_state"] is not None
            self._send_moments()
        backend.setRngState(self._compiled(), self._generator[0], self._generator[1:])

    def _send_moments(self) -> None:
        if self._optimizer is not None and self._optimizer.is_new:
            backend.writeOptimizerState(self._compiled(), self._optimizer.moments)
            self._optimizer.is_new = self._moments_are_newer = False

    def _moments(self) -> Dict[str, Any]:
        assert self._optimizer is not None
        if self._moments_are_newer and not self._optimizer.is_new:
            self._moments_are_newer = False
            return backend.readOptimizerState(self._compiled())
        return self._optimizer.moments


def _on_meta(tensor: torch.Tensor) -> torch.Tensor:
    on_meta = tensor.detach().to("meta")
    return nn.Parameter(on_meta, tensor.requires_grad) if isinstance(tensor, nn.Parameter) else on_meta


def trainingModel(
    model: nn.Module, options: Optional[Options] = None, optimizer: Optional[AdamW] = None
) -> PoplarExecutor:
    return PoplarExecutor(copy.copy(model), options, True, "3.4.0", optimizer, model)


def inferenceModel(model: nn.Module, options: Optional[Options] = None) -> PoplarExecutor:
    return PoplarExecutor(copy.copy(model), options, False, "3.4.0", None, model)


def ipuHardwareVersion() -> int:
    version = backend.ipuHardwareVersion()
    assert version != 0, "No IPU hardware available on this system"
    return version


def ipuHardwareIsAvailable(num_ipus: int = 1) -> bool:
    return backend.ipuHardwareVersion(num_ipus) != 0
