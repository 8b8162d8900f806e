"""The engine for Graphcore IPUs, on PopTorch 3.3 and 3.4: torch 2.0.1, Python 3.8, transformers 4.

PopTorch compiles model, loss, gradient accumulation, reduction over replicas and optimizer into one program, which
takes all optimizer steps of a device call. Compiling takes minutes before the first one; where POPTORCH_CACHE_DIR names
a directory, only once.
"""

import logging
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Sequence

import numpy as np
import poptorch
import torch

from podtune.errors import BadInput, TryAgainLater
from podtune.formats.ragged import offsets_of, places_of
from podtune.progress import progress_bar
from podtune.training.config import TrainingConfig
from podtune.training.engines.layers import set_dropout
from podtune.training.engines.placement import Placed, place
from podtune.training.engines.poptorch_blocks import mark_blocks
from podtune.training.engines.poptorch_errors import told_in_one_line
from podtune.training.engines.poptorch_options import adamw, inference_options, training_options
from podtune.training.engines.poptorch_state import flattened, restored
from podtune.training.engines.serialized_embedding import whole_tables
from podtune.training.engines.states import Layout, load_state, save_model, save_state
from podtune.training.protocols import CompilableObjective, Examples, Inputs, StepResult
from podtune.training.rows import lay, packs_of, require_room

_log = logging.getLogger(__name__)


def open_engine(objective: CompilableObjective, model: Path, config: TrainingConfig, device: str) -> "PoptorchEngine":
    """Load the model in a directory and lay it on IPUs; BadInput where the recipe or the machine does not allow it.

    The new weights of its head come from the configuration's seed.
    """
    if device != "ipu":
        raise BadInput(f"the PopTorch engine runs on ipu; got {device!r}")
    torch.manual_seed(config.seed)
    loaded = objective.load(model)
    if config.dropout is not None:
        set_dropout(loaded, config.dropout)
    placed = place(objective, loaded.half() if config.precision != "float32" else loaded, config)
    _require_ipus(placed.ipu.ipus)
    return PoptorchEngine(loaded, placed, config)


class PoptorchEngine:
    """`training.protocols.Engine` on the IPUs of one process.

    With a precision of bfloat16, weights, activations, gradients and first moments are float16, as in the published
    runs; rounding by chance takes the place of float32 master weights. Dropout draws from the IPUs' own generator,
    whose state is saved, so that a continued run draws what an undisturbed one would have drawn.
    """

    first = True

    def __init__(self, model: Any, placed: Placed, config: TrainingConfig) -> None:
        self._model, self._form, self._config, self._ipu = model, placed.form, config, placed.ipu
        ipu = placed.ipu
        self.precision = "float32" if config.precision == "float32" else "float16"
        self.devices = (f"Graphcore IPU (Mk{poptorch.ipuHardwareVersion()})",) * ipu.ipus
        mark_blocks(placed, keep_every_layer=ipu.recompute_checkpoint_every_layer)
        self._optimizer = adamw(model, config, ipu)
        training = training_options(config, ipu, config.device_iterations)
        self._training = poptorch.trainingModel(self._form.training.train(), training, self._optimizer)
        pipelined = placed.stages if ipu.execution == "pipelined" else 1
        self._iterations = ipu.inference_device_iterations or pipelined
        inference = inference_options(config, ipu, self._iterations)
        self._predicting = poptorch.inferenceModel(self._form.predicting.eval(), inference)
        self._checked: Optional[Examples] = None
        self._generator: Optional[List[int]] = None
        """State of the IPUs' generator, to be set when there is a program."""

    def in_any(self, flag: bool) -> bool:
        """Whether the flag is set: there is one process."""
        return flag

    def from_first(self, number: int) -> int:
        """Tell the number: there is one process."""
        return number

    def steps(
        self,
        examples: Examples,
        batches: Sequence[np.ndarray],
        first: int,  # noqa: ARG002  # the IPUs' generator counts itself
        learning_rate: float,
    ) -> List[StepResult]:
        """Take the optimizer steps of one call to the device, each on a global batch of rows."""
        self._check(examples)
        parts = [self._laid_out(examples, rows) for rows in batches]
        tensors = {name: _tensor(np.concatenate([part[name] for part in parts])) for name in parts[0]}
        for group in self._optimizer.param_groups:
            group["lr"] = learning_rate
        self._training.setOptimizer(self._optimizer)
        losses = self._run(self._training, tensors).float().reshape(len(batches), -1)
        return [StepResult(loss, None) for loss in losses.mean(1)]

    def outputs(self, examples: Examples) -> Dict[str, np.ndarray]:
        """Run every row through the model once; what the objective puts out, in the examples' order."""
        rows = self._ipu.micro_batch_size * self._ipu.replication_factor * self._iterations
        offsets = offsets_of(examples.lengths)
        collected: Dict[str, np.ndarray] = {}
        with progress_bar(len(examples), "rows", "predict") as bar:
            for packs in _chunks(packs_of(examples.lengths, self._ipu), rows):
                laid = lay(examples, packs, rows)
                order = np.array([index for members in packs for index in members])
                for name, values in self._form.predict(laid, self._predict).items():
                    by_row = len(values) == len(order)
                    places = order if by_row else places_of(offsets[order], examples.lengths[order])
                    whole = len(examples) if by_row else int(offsets[-1])
                    collected.setdefault(name, np.zeros((whole, *values.shape[1:]), values.dtype))[places] = values
                bar.update(len(order))
        return collected

    def save_model(self, directory: Path) -> None:
        """Write config.json and float32 model.safetensors as transformers loads them."""
        weights = {name: tensor.float() for name, tensor in self._weights().items()}
        save_model(self._model, whole_tables(self._model, weights), directory)

    def save_state(self, directory: Path) -> None:
        """Write weights, optimizer state and the state of the IPUs' generator."""
        state = flattened(self._weights(), self._optimizer.state_dict(), self._generator_state())
        save_state(state, self._layout(), directory)

    def load_state(self, directory: Path) -> None:
        """Continue from what `save_state` wrote; BadInput where it is not of this model."""
        saved = restored(load_state(self._layout(), directory), self._optimizer.state_dict())
        self._leave(self._predicting)
        self._leave(self._training)
        with torch.no_grad():
            for name, parameter in self._model.named_parameters():
                parameter.copy_(saved.weights[name])
        if saved.optimizer:
            self._optimizer.load_state_dict(saved.optimizer)
        self._generator = saved.generator

    def _check(self, examples: Examples) -> None:
        """Make sure, before anything is compiled for these examples, that every packed batch of the run fits."""
        if self._checked is not examples and self._ipu.packing > 1:
            require_room(examples.lengths, self._config, self._ipu)
        self._checked = examples

    def _laid_out(self, examples: Examples, rows: np.ndarray) -> Inputs:
        """Arrays for one optimizer step; a loss weighs so that the mean over micro-batches is the mean over `rows`."""
        packs = packs_of(examples.lengths[rows], self._ipu)
        laid = lay(examples, [rows[members].tolist() for members in packs], self._ipu.rows_per_step)
        micro_batches = self._ipu.gradient_accumulation * self._ipu.replication_factor
        return self._form.inputs(laid, np.full(len(rows), micro_batches / len(rows), dtype=np.float32))

    def _predict(self, inputs: Inputs) -> List[np.ndarray]:
        """Run the predicting program; as many rows as it was compiled for."""
        tensors = {name: _tensor(array) for name, array in inputs.items()}
        told = self._run(self._predicting, tensors)
        return [tensor.numpy() for tensor in (told if isinstance(told, (tuple, list)) else (told,))]

    def _run(self, program: Any, tensors: Dict[str, torch.Tensor]) -> Any:
        with told_in_one_line():
            self._bring_in(program, tensors)
            return program(**tensors)

    def _bring_in(self, program: Any, tensors: Dict[str, torch.Tensor]) -> None:
        """Have the IPUs to one program: compile it where it is new, after the other one has left them."""
        if program.isAttachedToDevice():
            return
        self._leave(self._predicting if program is self._training else self._training)
        if program.isCompiled():
            program.attachToDevice()
        else:
            _log.info("compiling for %d IPUs; this takes minutes, unless it is in POPTORCH_CACHE_DIR", self._ipu.ipus)
            program.model.train(program is self._training)
            program.compile(**tensors)
        if program is self._training and self._generator:
            program.rng_state, self._generator = self._generator, None

    def _leave(self, program: Any) -> None:
        """Let a program leave the IPUs; what it has learnt is on the host then."""
        if program.isAttachedToDevice():
            program.detachFromDevice()

    def _weights(self) -> Dict[str, torch.Tensor]:
        """The model's parameters, as they are on the IPUs at the moment."""
        if self._training.isAttachedToDevice():
            self._training.copyWeightsToHost()
        return {name: _plain(parameter) for name, parameter in self._model.named_parameters()}

    def _generator_state(self) -> List[int]:
        if self._generator or not self._training.isCompiled():
            return self._generator or []
        return [int(number) for number in self._training.rng_state]

    def _layout(self) -> Layout:
        return [[name, list(parameter.shape)] for name, parameter in self._model.named_parameters()]


def _require_ipus(count: int) -> None:
    if not poptorch.ipuHardwareIsAvailable(count):
        raise TryAgainLater(
            f"{count} IPUs are not available to this process; are they in use, or is it not in an IPU pod?"
        )


def _chunks(packs: List[List[int]], size: int) -> Iterator[List[List[int]]]:
    for start in range(0, len(packs), size):
        yield packs[start : start + size]


def _tensor(array: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(array))


def _plain(parameter: torch.Tensor) -> torch.Tensor:
    """A copy that PopTorch no longer watches."""
    return parameter.detach().clone().as_subclass(torch.Tensor)
