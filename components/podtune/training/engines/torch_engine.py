"""The engine for CPUs and NVIDIA GPUs, in one process or in several started by torchrun.

Runs transformers' own models on one stream of unpadded sequences. Its attention needs transformers 4.53 or newer.
"""

import logging
from functools import partial
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, Tuple

import numpy as np
import torch
from torch import nn

from podtune.errors import BadInput
from podtune.formats.ragged import offsets_of, positions_of
from podtune.progress import progress_bar
from podtune.training.config import TrainingConfig
from podtune.training.energy import joules_of
from podtune.training.engines.attention import attend_within_sequences
from podtune.training.engines.cpu import (
    divide_as_before,
    keep_freed_memory,
    keep_to_quota,
    multiplies_in_tiles,
)
from podtune.training.engines.layers import copy_before_multiplying, draw_by_row, set_attention_dropout, set_dropout
from podtune.training.engines.optimizer import MasterWeights
from podtune.training.engines.precision import has_bfloat16, measured_precision, name_of, precision_before
from podtune.training.engines.processes import Processes, join_processes, longest_first
from podtune.training.engines.sequences import MicroBatch, RowNoise, cut, running, to_device
from podtune.training.engines.states import Rounding, load_rounding, load_state, save_model, save_state
from podtune.training.protocols import Examples, Objective, StepResult, WriteState

_log = logging.getLogger(__name__)

_DEVICES = {"cpu": "cpu", "gpu": "cuda"}
_MICRO_BATCH_TOKENS = {"cpu": 4096, "cuda": 65536}
"""By torch device; a CPU multiplies larger matrices no faster, from its caches even more slowly."""

_GOES_ON_IN_FLOAT32 = (
    "this run began in bfloat16, which this %s does not multiply, and goes on in float32: its result is not bit for "
    "bit that of an undisturbed run"
)


def open_engine(objective: Objective, model: Path, config: TrainingConfig, device: str) -> "TorchEngine":
    """Load the model in a directory onto the device ("cpu" or "gpu"); BadInput where there is none.

    The new weights of its head come from the configuration's seed. Under torchrun every process opens its
    engine and makes the same calls; the first one writes the files.
    """
    if device not in _DEVICES:
        raise BadInput(f"the torch engine runs on {' or '.join(_DEVICES)}; got {device!r}")
    if device == "gpu" and not torch.cuda.is_available():
        raise BadInput("no NVIDIA GPU is visible; run on a machine with one and its driver, or use --device cpu")
    processes = join_processes(_DEVICES[device])
    torch.manual_seed(config.seed)
    return TorchEngine(objective, objective.load(model), config, processes)


class TorchEngine:
    """`training.protocols.Engine` on a CPU or on GPUs.

    On a CPU dropout depends on (seed, step, position of the row in the global batch) alone: neither the size of
    micro-batches nor the number of processes changes a mask, and a resumed run is the same bit for bit. On a
    GPU torch's generator draws, seeded by (seed, step, rank, micro-batch): a resumed run on as many GPUs with
    the same micro-batches draws the same masks; with another number or size of them it draws others.
    """

    def __init__(self, objective: Objective, model: Any, config: TrainingConfig, processes: Processes) -> None:
        self._objective, self._config, self._processes = objective, config, processes
        self.first, self.first_here, self.devices = processes.first, processes.first_here, processes.devices
        self.in_any, self.from_first = processes.in_any, processes.from_first
        self._device = device = processes.device
        self._micro_batch_tokens = config.micro_batch_tokens or _MICRO_BATCH_TOKENS[device.type]
        self._longest = objective.longest(model)
        self._model = model.to(device)
        unpadded = objective.unpadded(model)
        if unpadded is not None:
            attend_within_sequences(unpadded)
        if config.dropout is not None:
            set_dropout(model, config.dropout)
            if unpadded is not None:
                set_attention_dropout(unpadded, config.dropout)
        if device.type == "cpu":
            _prepare_for_cpu(model)
        self._weights = MasterWeights(model, config, precision_before(config, device))
        self._measured = config.precision != "auto" or device.type != "cpu"
        self._copied: Dict[str, torch.Tensor] = {}
        processes.copy_from_first(self._weights.weights)
        self._weights.copy_to_model()

    @property
    def precision(self) -> str:
        return name_of(self._weights.precision)

    @property
    def threads(self) -> int:
        return torch.get_num_threads() if self._device.type == "cpu" else 0

    def joules(self) -> Optional[float]:
        return joules_of(self._processes.uuids)

    def steps(
        self, examples: Examples, batches: Sequence[np.ndarray], first: int, learning_rate: float
    ) -> List[StepResult]:
        if not self._measured:
            self._measure()
        return [self._step(examples, rows, first + number, learning_rate) for number, rows in enumerate(batches)]

    def outputs(self, examples: Examples) -> Dict[str, np.ndarray]:
        self._model.eval()
        offsets = offsets_of(examples.lengths)
        collected: Dict[str, torch.Tensor] = {}
        with torch.inference_mode(), progress_bar(len(examples), "rows", "predict") as bar:
            pieces = list(cut(longest_first(examples.lengths), examples.lengths, self._micro_batch_tokens))
            mine = self._processes.deal(pieces)
            for rows in mine or pieces[:1]:  # for the shapes, where there are fewer pieces than processes
                micro_batch = self._gather(examples, rows, int(examples.lengths[rows].max()), None)
                with running(micro_batch.sequences):
                    outputs = self._objective.outputs(self._model, micro_batch.tensors)
                for name, values in outputs.items():
                    total, positions = self._positions(offsets, rows, values)
                    whole = collected.setdefault(name, _nothing(values, total))
                    if mine:
                        whole[positions] = values
                bar.update(len(rows))
        for name in sorted(collected):
            self._processes.add_up(collected[name])
        return {name: values.cpu().numpy() for name, values in collected.items()}

    def save_model(self, directory: Path) -> None:
        if self.first:
            save_model(self._model, self._weights.named(), directory)
        self._processes.wait_for_all()

    def copy_state(self) -> WriteState:
        state = self._weights.state()
        if not self._copied:  # kept, as memory that the system has to give first takes ten times as long to write
            self._copied = {name: torch.empty_like(tensor, device="cpu") for name, tensor in state.items()}
        for name, tensor in state.items():
            self._copied[name].copy_(tensor)
        rounding = Rounding(self.threads, self._processes.count, self.precision)
        return partial(save_state, self._copied, self._weights.layout(), rounding=rounding)

    def load_state(self, directory: Path) -> None:
        before = load_rounding(directory)
        if self._device.type == "cpu":
            divide_as_before(before, self._processes.count)
        if before.precision:
            self._continue_in(before.precision)
        self._weights.continue_from(load_state(self._weights.layout(), directory))

    def _measure(self) -> None:
        """Take the faster precision, which the first process measures."""
        self._measured, in_bfloat16 = True, False
        if self.first:
            in_bfloat16 = measured_precision(self._model.config, self._micro_batch_tokens) == torch.bfloat16
        if self.from_first(int(in_bfloat16)):
            self._weights.compute_in(torch.bfloat16)

    def _continue_in(self, began_in: str) -> None:
        """Compute as the run began, so that it continues bit for bit; say where that would only be slower."""
        self._measured, precision = True, torch.float32
        if began_in == name_of(torch.bfloat16):
            if has_bfloat16(self._device):
                precision = torch.bfloat16
            else:
                _log.warning(_GOES_ON_IN_FLOAT32, self._device.type)
        self._weights.compute_in(precision)

    def _step(self, examples: Examples, rows: np.ndarray, step: int, learning_rate: float) -> StepResult:
        """Take one optimizer step on the global batch `rows`; `step` keys its randomness."""
        weights = self._weights
        self._model.train()
        weights.start_sum()
        lengths = examples.lengths[rows]
        for number, positions in enumerate(cut(self._processes.share(lengths), lengths, self._micro_batch_tokens)):
            noise = self._noise(step, positions, number)
            micro_batch = self._gather(examples, rows[positions], int(lengths.max()), noise)
            with running(micro_batch.sequences):
                loss = self._objective.losses(self._model, micro_batch.tensors).sum() / len(rows)
                loss.backward()
            weights.gradient_and_loss[-1] += loss.detach()
        self._processes.add_up(weights.finish_sum())
        norm = weights.update(learning_rate, self._config.max_gradient_norm)
        return StepResult(weights.gradient_and_loss[-1].clone(), norm)

    def _gather(self, examples: Examples, rows: np.ndarray, longest: int, noise: Optional[RowNoise]) -> MicroBatch:
        micro_batch = to_device(examples.batch(rows), longest, self._device, noise)
        tokens = max(micro_batch.sequences.lengths)
        if tokens > self._longest:
            raise BadInput(f"the model has positions for {self._longest} tokens; a row of the features has {tokens}")
        return micro_batch

    def _positions(self, offsets: np.ndarray, rows: np.ndarray, values: torch.Tensor) -> Tuple[int, torch.Tensor]:
        """Count the rows or tokens of all examples, and locate those of a micro-batch among them."""
        if len(values) == len(rows):
            return len(offsets) - 1, torch.from_numpy(rows).to(self._device)
        positions = positions_of(offsets[rows], offsets[rows + 1] - offsets[rows])
        return int(offsets[-1]), torch.from_numpy(positions).to(self._device)

    def _noise(self, step: int, positions: np.ndarray, number: int) -> Optional[RowNoise]:
        seed = self._config.seed
        if self._device.type == "cpu":
            return RowNoise(seed, step, positions)
        key = np.random.SeedSequence((seed, step, self._processes.rank, number))
        torch.cuda.manual_seed(int(key.generate_state(1, np.uint64)[0] >> 1))
        return None


def _nothing(values: torch.Tensor, total: int) -> torch.Tensor:
    """What changes no bit of values that are added to it: [total, …]."""
    return values.new_full((total, *values.shape[1:]), -0.0 if values.is_floating_point() else 0)


def _prepare_for_cpu(model: nn.Module) -> None:
    # These two set up the whole process, also that of `podtune predict`. Without them a container's CPU limit holds up
    # every parallel region, and each step pays for the memory of the one before again; no result changes.
    keep_to_quota()
    keep_freed_memory()
    draw_by_row(model)
    if multiplies_in_tiles():
        copy_before_multiplying(model)
