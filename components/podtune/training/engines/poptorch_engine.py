"""The engine for Graphcore IPUs, on PopTorch 3.3 and 3.4: torch 2.0.1, Python 3.8, transformers 4.

PopTorch compiles model, loss, gradient accumulation, reduction over replicas and optimizer into one program, which
takes all optimizer steps of a device call. Compiling takes minutes before the first one; where POPTORCH_CACHE_DIR names
a directory, only once.
"""

import logging
from functools import partial
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence

import numpy as np
import poptorch
import torch

from podtune.errors import BadInput, TryAgainLater
from podtune.formats.ragged import offsets_of, positions_of
from podtune.progress import progress_bar
from podtune.training.config import TrainingConfig
from podtune.training.engines import poptorch_program
from podtune.training.engines.layers import set_dropout
from podtune.training.engines.placement import Placement, merge_embeddings, place_on_ipus
from podtune.training.engines.states import Layout, load_state, save_model, save_state
from podtune.training.fixed_shapes import CompilableObjective, Inputs, pack_rows, packs_of, require_room
from podtune.training.protocols import Examples, StepResult, WriteState

_log = logging.getLogger(__name__)


def open_engine(objective: CompilableObjective, model: Path, config: TrainingConfig, device: str) -> "PoptorchEngine":
    """Load the model in a directory and place it on IPUs; BadInput where the recipe or the machine does not allow it.

    The new weights of its head come from the configuration's seed.
    """
    if device != "ipu":
        raise BadInput(f"the PopTorch engine runs on ipu; got {device!r}")
    torch.manual_seed(config.seed)
    loaded = objective.load(model)
    if config.dropout is not None:
        set_dropout(loaded, config.dropout)
    placement = place_on_ipus(objective, loaded.half() if config.precision != "float32" else loaded, config)
    ipus = placement.ipu.ipus
    if not poptorch.ipuHardwareIsAvailable(ipus):
        raise TryAgainLater(
            f"{ipus} IPUs are not available to this process; are they in use, or is it not in an IPU pod?"
        )
    return PoptorchEngine(loaded, placement, config)


class PoptorchEngine:
    """`training.protocols.Engine` on the IPUs of one process.

    With a precision of bfloat16, weights, activations, gradients and first moments are float16, as in the published
    runs; stochastic rounding takes the place of float32 master weights. Dropout draws from the IPUs' own generator,
    whose state is saved, so that a continued run draws what an undisturbed one would have drawn.
    """

    first = first_here = True
    threads = 0

    def __init__(self, model: Any, placement: Placement, config: TrainingConfig) -> None:
        self._model, self._graph, self._config = model, placement.graph, config
        self._ipu = ipu = placement.ipu
        self.precision = "float32" if config.precision == "float32" else "float16"
        self.devices = (f"Graphcore IPU (Mk{poptorch.ipuHardwareVersion()})",) * ipu.ipus
        poptorch_program.mark_blocks(placement, keep_every_layer=ipu.recompute_checkpoint_every_layer)
        self._optimizer = poptorch_program.adamw(model, config, ipu)
        training = poptorch_program.training_options(config, ipu, config.device_iterations)
        self._training = poptorch.trainingModel(self._graph.training.train(), training, self._optimizer)
        pipelined = placement.stages if ipu.execution == "pipelined" else 1
        self._iterations = ipu.inference_device_iterations or pipelined
        inference = poptorch_program.inference_options(config, ipu, self._iterations)
        self._predicting = poptorch.inferenceModel(self._graph.predicting.eval(), inference)
        self._checked: Optional[Examples] = None
        self._generator: Optional[List[int]] = None
        """A loaded state of the IPUs' generator, until there is a program to set it in."""

    def in_any(self, flag: bool) -> bool:
        return flag

    def from_first(self, number: int) -> int:
        return number

    def joules(self) -> Optional[float]:
        return None

    def steps(
        self, examples: Examples, batches: Sequence[np.ndarray], first: int, learning_rate: float
    ) -> List[StepResult]:
        del first  # the IPUs' generator counts itself
        if self._checked is not examples and self._ipu.packing > 1:
            require_room(examples.lengths, self._config, self._ipu)  # before minutes of compiling
        self._checked = examples
        parts = [self._inputs(examples, rows) for rows in batches]
        inputs = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        for group in self._optimizer.param_groups:
            group["lr"] = learning_rate
        # the program holds a copy of the rate: set alone it counts for nothing
        self._training.setOptimizer(self._optimizer)
        losses = self._run(self._training, inputs).float().reshape(len(batches), -1)
        return [StepResult(loss, None) for loss in losses.mean(1)]

    def outputs(self, examples: Examples) -> Dict[str, np.ndarray]:
        rows = self._ipu.micro_batch_size * self._ipu.replication_factor * self._iterations
        packs, offsets = packs_of(examples.lengths, self._ipu), offsets_of(examples.lengths)
        collected: Dict[str, np.ndarray] = {}
        with progress_bar(len(examples), "rows", "predict") as bar:
            for start in range(0, len(packs), rows):
                chunk = packs[start : start + rows]
                order = np.array([index for members in chunk for index in members])
                for name, values in self._graph.predict(pack_rows(examples, chunk, rows), self._predict).items():
                    by_row = len(values) == len(order)
                    indices = order if by_row else positions_of(offsets[order], examples.lengths[order])
                    total = len(examples) if by_row else int(offsets[-1])
                    collected.setdefault(name, np.zeros((total, *values.shape[1:]), values.dtype))[indices] = values
                bar.update(len(order))
        return collected

    def save_model(self, directory: Path) -> None:
        weights = {name: tensor.float() for name, tensor in self._weights().items()}
        save_model(self._model, merge_embeddings(self._model, weights), directory)

    def copy_state(self) -> WriteState:
        state = poptorch_program.flatten_state(self._weights(), self._optimizer.state_dict(), self._generator_state())
        return partial(save_state, state, self._layout())

    def load_state(self, directory: Path) -> None:
        saved = poptorch_program.restore_state(load_state(self._layout(), directory), self._optimizer.state_dict())
        for program in (self._predicting, self._training):
            _detach(program)
        with torch.no_grad():
            for name, parameter in self._model.named_parameters():
                parameter.copy_(saved.weights[name])
        if saved.optimizer:
            self._optimizer.load_state_dict(saved.optimizer)
        self._generator = saved.generator

    def _inputs(self, examples: Examples, rows: np.ndarray) -> Inputs:
        """Arrays for one optimizer step; a loss weighs so that the mean over micro-batches is the mean over `rows`."""
        packs = packs_of(examples.lengths[rows], self._ipu)
        packed = pack_rows(examples, [rows[members].tolist() for members in packs], self._ipu.rows_per_step)
        micro_batches = self._ipu.gradient_accumulation * self._ipu.replication_factor
        return self._graph.inputs(packed, np.full(len(rows), micro_batches / len(rows), dtype=np.float32))

    def _predict(self, inputs: Inputs) -> List[np.ndarray]:
        outputs = self._run(self._predicting, inputs)
        return [tensor.numpy() for tensor in (outputs if isinstance(outputs, (tuple, list)) else (outputs,))]

    def _run(self, program: Any, inputs: Inputs) -> Any:
        tensors = {name: torch.from_numpy(np.ascontiguousarray(array)) for name, array in inputs.items()}
        with poptorch_program.raising_our_errors():
            if not program.isAttachedToDevice():
                self._attach(program, tensors)
            return program(**tensors)

    def _attach(self, program: Any, tensors: Dict[str, torch.Tensor]) -> None:
        """Attach a program to the IPUs, compiled first if it is new; the other is detached, as only one fits."""
        _detach(self._predicting if program is self._training else self._training)
        if program.isCompiled():
            program.attachToDevice()
        else:
            _log.info("compiling for %d IPUs; this takes minutes, unless it is in POPTORCH_CACHE_DIR", self._ipu.ipus)
            program.model.train(program is self._training)
            program.compile(**tensors)
        if program is self._training and self._generator:
            program.rng_state, self._generator = self._generator, None

    def _weights(self) -> Dict[str, torch.Tensor]:
        """Copy the model's parameters as they are on the IPUs at the moment."""
        if self._training.isAttachedToDevice():
            self._training.copyWeightsToHost()
        # as plain tensors: PopTorch replaces the class of parameters to watch who reads them
        named = self._model.named_parameters()
        return {name: parameter.detach().clone().as_subclass(torch.Tensor) for name, parameter in named}

    def _generator_state(self) -> List[int]:
        if self._generator or not self._training.isCompiled():
            return self._generator or []
        return [int(number) for number in self._training.rng_state]

    def _layout(self) -> Layout:
        return [[name, list(parameter.shape)] for name, parameter in self._model.named_parameters()]


def _detach(program: Any) -> None:
    """Detach a program from the IPUs, if attached; its weights and moments are on the host then."""
    if program.isAttachedToDevice():
        program.detachFromDevice()
