"""Which IPU of a pipeline holds which part of a model; needs neither IPUs nor PopTorch."""

from dataclasses import dataclass
from typing import Any, Dict, List, Sequence, Tuple

import torch
from torch import nn

from podtune.errors import BadInput
from podtune.training.config import TrainingConfig
from podtune.training.fixed_shapes import CompilableObjective, FixedShapeGraph
from podtune.training.ipu import IPU_MEBIBYTES, IpuConfig


@dataclass(frozen=True)
class Placement:
    """A model on a pipeline of IPUs."""

    graph: FixedShapeGraph
    parts: List[Tuple[nn.Module, int]]
    """In the order in which a row passes through them, each with its IPU."""

    ipu: IpuConfig

    @property
    def stages(self) -> int:
        """Of the forward pass: one more than a row moves from IPU to IPU."""
        ipus = [0, *(ipu for _, ipu in self.parts)]
        return 1 + sum(ipu != before for before, ipu in zip(ipus, ipus[1:]))

    def parameters(self) -> List[int]:
        """Count the parameters on each IPU; those that several parts share are on the first one's."""
        totals, seen = [0] * len(self.ipu.layers_per_ipu), set()
        for part, ipu in self.parts:
            for parameter in part.parameters():
                if id(parameter) not in seen:
                    seen.add(id(parameter))
                    totals[ipu] += parameter.numel()
        return totals


class SerializedEmbedding(nn.Module):
    """An nn.Embedding that is looked up in parts, so that an IPU never holds the gradient of the whole table.

    int32 [rows, width] to [rows, width, embedding].
    """

    def __init__(self, table: nn.Embedding, parts: int) -> None:
        super().__init__()
        self.num_embeddings, self._rows = table.num_embeddings, table.num_embeddings // parts
        pieces = torch.split(table.weight.detach(), self._rows)
        self.parts = nn.ModuleList(
            nn.Embedding(len(piece), table.embedding_dim, _weight=piece.clone()) for piece in pieces
        )

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        vectors = [self._look_up(part, tokens - number * self._rows) for number, part in enumerate(self.parts)]
        return torch.stack(vectors).sum(0)

    def _look_up(self, part: nn.Module, index: torch.Tensor) -> torch.Tensor:
        """The part's vectors, and 0 for tokens of other parts."""
        inside = (index >= 0) & (index < self._rows)
        vectors: torch.Tensor = part(index * inside.int())
        return vectors * inside[..., None].to(vectors.dtype)


def merge_embeddings(model: nn.Module, weights: Dict[str, torch.Tensor]) -> Dict[str, torch.Tensor]:
    """Join the parts of serialized embeddings again, under the name that the table had."""
    merged = dict(weights)
    for name, module in model.named_modules():
        if isinstance(module, SerializedEmbedding):
            pieces = [merged.pop(f"{name}.parts.{number}.weight") for number in range(len(module.parts))]
            merged[f"{name}.weight"] = torch.cat(pieces)
    return merged


def place_on_ipus(objective: CompilableObjective, model: Any, training: TrainingConfig) -> Placement:
    """Place a model as the recipe says; BadInput at once where PopTorch would refuse it after minutes.

    Replaces the model's token embedding where it is to be looked up in parts.
    """
    config = training.on_ipus()
    longest = objective.longest(model)
    if config.row_tokens > longest:
        raise BadInput(f"the model has positions for {longest} tokens; training.ipu.row_tokens is {config.row_tokens}")
    if config.embedding_serialization_factor > 1:
        _serialize_embedding(model, config.embedding_serialization_factor)
    graph = objective.fixed_shape(model, config)
    if sum(config.layers_per_ipu) != graph.layers:
        got = f"{' + '.join(map(str, config.layers_per_ipu))} = {sum(config.layers_per_ipu)}"
        raise BadInput(f"training.ipu.layers_per_ipu must hold the model's {graph.layers} layers; got {got}")
    ipu_of_layer = [ipu for ipu, count in enumerate(config.layers_per_ipu) for _ in range(count)]
    placement = Placement(graph, graph.parts(ipu_of_layer, len(config.layers_per_ipu) - 1), config)
    if config.execution == "pipelined":
        _require_depth(placement.stages, config)
    _require_memory(placement.parameters(), training, config)
    return placement


def least_bytes(parameters: int, config: TrainingConfig, ipu: IpuConfig) -> int:
    """What parameters take on an IPU at least: weights, gradients, and the moments that are kept there.

    Code, exchange and activations come on top; only compiling tells how much.
    """
    half = 4 if config.precision == "float32" else 2
    moments = 0 if ipu.optimizer_state_offchip else half + 4
    shared_by = ipu.replication_factor if ipu.replicated_tensor_sharding else 1
    return 2 * half * parameters + moments * -(-parameters // shared_by)


def _require_memory(parameters: Sequence[int], config: TrainingConfig, ipu: IpuConfig) -> None:
    for number, count in enumerate(parameters):
        needed = least_bytes(count, config, ipu)
        if needed > IPU_MEBIBYTES << 20:
            raise BadInput(
                f"IPU {number} has {IPU_MEBIBYTES} MiB, and its {count:,} parameters take at least {needed >> 20:,}; "
                "put fewer layers on it by training.ipu.layers_per_ipu, or set training.ipu.optimizer_state_offchip"
            )


def _require_depth(stages: int, config: IpuConfig) -> None:
    """A pipeline needs as many micro-batches as it has stages, forward and back; PopTorch says so after compiling."""
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


def _serialize_embedding(model: Any, factor: int) -> None:
    text = getattr(model, "decoder", model)  # transformers 4 does not look for the table in an encoder and a decoder
    table, head = text.get_input_embeddings(), text.get_output_embeddings()
    key = "training.ipu.embedding_serialization_factor"
    if table.num_embeddings % factor:
        raise BadInput(f"{key} must divide the vocabulary of {table.num_embeddings}; got {factor}")
    if head is not None and head.weight is table.weight:
        raise BadInput(f"{key} must be 1 for a model that also writes with its table of tokens; got {factor}")
    text.set_input_embeddings(SerializedEmbedding(table, factor))
