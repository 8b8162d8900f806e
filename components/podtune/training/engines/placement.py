"""Where a model's parts lie on the IPUs of a pipeline; no IPU and no PopTorch is needed to know it."""

from dataclasses import dataclass
from typing import Any, List, Sequence, Tuple

from torch import nn

from podtune.errors import BadInput
from podtune.training.config import TrainingConfig
from podtune.training.engines.serialized_embedding import SerializedEmbedding
from podtune.training.ipu import IPU_MEBIBYTES, IpuConfig
from podtune.training.protocols import CompilableObjective, StaticForm


@dataclass(frozen=True)
class Placed:
    """A model on a pipeline of IPUs."""

    form: StaticForm
    parts: List[Tuple[nn.Module, int]]
    """In the order in which a row passes through them, each with its IPU."""

    ipu: IpuConfig

    @property
    def stages(self) -> int:
        """Of the forward pass: one more than a row moves from IPU to IPU."""
        ipus = [0, *(ipu for _, ipu in self.parts)]
        return 1 + sum(ipu != before for before, ipu in zip(ipus, ipus[1:]))

    def parameters(self) -> List[int]:
        """Count the parameters on each IPU; those that several parts share lie with the first."""
        totals, seen = [0] * len(self.ipu.layers_per_ipu), set()
        for part, ipu in self.parts:
            for parameter in part.parameters():
                if id(parameter) not in seen:
                    seen.add(id(parameter))
                    totals[ipu] += parameter.numel()
        return totals


def least_bytes(parameters: int, config: TrainingConfig, ipu: IpuConfig) -> int:
    """What parameters take on an IPU at least: weights, gradients, and the moments that are kept there.

    Code, exchange and activations come on top; only compiling tells how much.
    """
    half = 4 if config.precision == "float32" else 2
    moments = half + 4
    if ipu.optimizer_state_offchip:
        moments = 0
    shared_by = ipu.replication_factor if ipu.replicated_tensor_sharding else 1
    return 2 * half * parameters + moments * -(-parameters // shared_by)


def _require_memory(parameters: Sequence[int], config: TrainingConfig, ipu: IpuConfig) -> None:
    """BadInput where some IPU cannot even hold what its parameters take."""
    for number, count in enumerate(parameters):
        needed = least_bytes(count, config, ipu)
        if needed > IPU_MEBIBYTES << 20:
            raise BadInput(
                f"IPU {number} has {IPU_MEBIBYTES} MiB, and its {count:,} parameters take at least {needed >> 20:,}; "
                "put fewer layers on it by training.ipu.layers_per_ipu, or set training.ipu.optimizer_state_offchip"
            )


def place(objective: CompilableObjective, model: Any, training: TrainingConfig) -> Placed:
    """Lay a model on its IPUs as the recipe says; BadInput where PopTorch would refuse it after minutes.

    The table of tokens is replaced where it is to be looked up in parts.
    """
    config = training.on_ipus()
    longest = objective.longest(model)
    if config.row_tokens > longest:
        raise BadInput(f"the model has positions for {longest} tokens; training.ipu.row_tokens is {config.row_tokens}")
    _serialize(model, config.embedding_serialization_factor)
    form = objective.static(model, config)
    if sum(config.layers_per_ipu) != form.layers:
        given = f"{' + '.join(map(str, config.layers_per_ipu))} = {sum(config.layers_per_ipu)}"
        raise BadInput(f"training.ipu.layers_per_ipu must hold the model's {form.layers} layers; got {given}")
    ipu_of_layer = [ipu for ipu, count in enumerate(config.layers_per_ipu) for _ in range(count)]
    placed = Placed(form, form.place(ipu_of_layer, len(config.layers_per_ipu) - 1), config)
    _require_depth(placed.stages, config)
    _require_memory(placed.parameters(), training, config)
    return placed


def _require_depth(stages: int, config: IpuConfig) -> None:
    """A pipeline needs as many micro-batches as it has stages, forward and back; PopTorch says so after compiling."""
    if config.execution == "sharded":
        return
    if config.gradient_accumulation < 2 * stages - 1:
        raise BadInput(
            f"training.ipu.gradient_accumulation must be at least {2 * stages - 1} for {stages} stages forward and "
            f"{stages - 1} back; got {config.gradient_accumulation}; or set training.ipu.execution to sharded"
        )
    if 0 < config.inference_device_iterations < stages:
        raise BadInput(
            f"training.ipu.inference_device_iterations must be 0, or at least the {stages} stages of the pipeline; "
            f"got {config.inference_device_iterations}"
        )


def _serialize(model: Any, factor: int) -> None:
    if factor == 1:
        return
    text = getattr(model, "decoder", model)  # transformers 4 does not look for the table in an encoder and a decoder
    table = text.get_input_embeddings()
    if table.num_embeddings % factor:
        raise BadInput(
            f"training.ipu.embedding_serialization_factor must divide the vocabulary of {table.num_embeddings}; "
            f"got {factor}"
        )
    writing = text.get_output_embeddings()
    if writing is not None and writing.weight is table.weight:
        raise BadInput(
            "training.ipu.embedding_serialization_factor must be 1 for a model that also writes with its table of "
            f"tokens; got {factor}"
        )
    text.set_input_embeddings(SerializedEmbedding(table, factor))
