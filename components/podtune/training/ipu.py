"""The `training.ipu` section of a recipe: the placement of a model on Graphcore IPUs, and the split of a global batch.

Names are those of the published ipu_config.json files where there is one.
"""

from dataclasses import dataclass
from typing import Iterator, List, Literal, Tuple

from podtune.sections import Rules, out_of_range

IPUS_OF_ONE_PROCESS = 64
"""More need several processes, which PopTorch's poprun starts; podtune runs one."""

IPU_MEBIBYTES = 897
"""Memory of a GC200: 1,472 tiles of 624 KiB."""

_RANGES: Rules = (
    ("row_tokens gradient_accumulation replication_factor", lambda x: x >= 1, "at least 1"),
    ("micro_batch_size packing embedding_serialization_factor", lambda x: x >= 1, "at least 1"),
    ("inference_device_iterations reference_rows_per_second", lambda x: x >= 0, "at least 0"),
    ("loss_scaling", lambda x: x > 0, "above 0"),
)


@dataclass(frozen=True)
class IpuConfig:
    """Placement of the layers and size of a micro-batch; the optimizer's batch stays the recipe's."""

    layers_per_ipu: Tuple[int, ...]
    """Encoder and decoder layers on each IPU of a pipeline, in the order in which a row passes through them."""

    row_tokens: int
    """Tokens of text in a row, to which every row is padded: a compiled program has one shape."""

    gradient_accumulation: int
    """Micro-batches that pass through the pipeline before the weights are updated."""

    replication_factor: int = 1
    """Copies of the pipeline, each on IPUs of its own, that share a batch."""

    micro_batch_size: int = 1
    """Rows that pass through the pipeline together."""

    packing: int = 1
    """Windows that may share a row, each attending to itself only; 1 pads instead."""

    execution: Literal["pipelined", "sharded"] = "pipelined"
    """Whether all IPUs work at a time, each on another micro-batch, or one after the other on the same. A batch with
    fewer micro-batches than the pipeline needs can only be sharded."""

    embedding_serialization_factor: int = 1
    """Parts in which the token embedding is looked up, to save memory."""

    matmul_proportion: Tuple[float, ...] = (0.25,)
    """Share of an IPU's memory that matrix products may use beside their operands: one for all, or one for each."""

    recompute_checkpoint_every_layer: bool = True
    """Keep every layer's output; activations within a layer are recomputed in the backward pass."""

    optimizer_state_offchip: bool = False
    """Keep the moments in the host's streaming memory instead of the IPU's."""

    replicated_tensor_sharding: bool = True
    """Shard the moments over the replicas, where there are several."""

    half_partials: bool = True
    """Accumulate matrix products in float16 where the model computes in it."""

    stochastic_rounding: bool = True
    """Round float16 weights stochastically in training, so that small updates are not lost."""

    loss_scaling: float = 1.0
    """Factor of the loss, divided out of the update again, that keeps small gradients from vanishing in float16."""

    inference_device_iterations: int = 0
    """Micro-batches that each replica predicts in one call; 0 means as many as the pipeline has stages."""

    reference_rows_per_second: float = 0.0
    """Published speed of this placement, for `plan`; 0 where there is none."""

    @property
    def ipus(self) -> int:
        return len(self.layers_per_ipu) * self.replication_factor

    @property
    def rows_per_step(self) -> int:
        """Rows of one optimizer step, packed or not."""
        return self.micro_batch_size * self.gradient_accumulation * self.replication_factor

    def proportions(self) -> List[float]:
        """The share of memory for matrix products on each IPU of a pipeline."""
        own = self.matmul_proportion
        return list(own) if len(own) > 1 else list(own) * len(self.layers_per_ipu)

    def mistakes(self) -> Iterator[Tuple[str, str]]:
        """What no IPU runs, as (key, mistake)."""
        yield from out_of_range(self, _RANGES)
        count, shares = len(self.layers_per_ipu), self.matmul_proportion
        if not count or min(self.layers_per_ipu) < 0:
            yield "layers_per_ipu", f"must be numbers of layers, one for each IPU; got {list(self.layers_per_ipu)}"
        elif self.ipus not in (1, 2, 4, 8, 16, 32, IPUS_OF_ONE_PROCESS):
            got = f"{count} of layers_per_ipu × replication_factor {self.replication_factor} = {self.ipus}"
            yield "replication_factor", f"IPUs are reserved by powers of two up to {IPUS_OF_ONE_PROCESS}; got {got}"
        if len(shares) not in (1, count):
            yield "matmul_proportion", f"must be one number, or {count}, one for each IPU; got {len(shares)}"
        if not all(0 < share <= 1 for share in shares):
            yield "matmul_proportion", f"must be above 0 and at most 1; got {list(shares)}"

    def mistake_in(self, batch_size: int) -> str:
        """Why an optimizer step cannot hold a batch of so many windows; empty where it can."""
        if self.rows_per_step <= batch_size <= self.rows_per_step * self.packing:
            return ""
        rows = self.micro_batch_size * self.replication_factor
        least, most = -(-batch_size // (rows * self.packing)), batch_size // rows
        product = (
            f"micro_batch_size {self.micro_batch_size} × gradient_accumulation {self.gradient_accumulation} × "
            f"replication_factor {self.replication_factor} = {self.rows_per_step} rows"
        )
        fitting = f"{least}" if least == most else f"{least} to {most}"
        cure = f"set training.ipu.gradient_accumulation to {fitting}" if least <= most else f"use a multiple of {rows}"
        shared = f" of up to {self.packing} windows" if self.packing > 1 else ""
        return f"training.batch_size {batch_size} does not fit training.ipu: {product}{shared}; {cure}"
