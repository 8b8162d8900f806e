"""Examples in rows of one length, and what a task provides for devices that compile a graph for one shape."""

from typing import Any, Callable, Dict, List, NamedTuple, Protocol, Sequence, Tuple

import numpy as np

from podtune.errors import BadInput
from podtune.formats.ragged import Batch, positions_of
from podtune.training.config import TrainingConfig
from podtune.training.ipu import IpuConfig
from podtune.training.protocols import Examples, Objective
from podtune.training.schedule import Order

MASKED = 1e4
"""Subtracted from a score, it leaves nothing of it after a softmax; float16 has numbers as large."""

Inputs = Dict[str, np.ndarray]
"""Arguments of a compiled graph by name; each [rows, …]."""

Program = Callable[[Inputs], List[np.ndarray]]
"""A compiled graph, from its inputs to its outputs; each [rows, …]."""


class PackedRows(NamedTuple):
    """Examples packed into rows of one length."""

    batch: Batch
    """The examples, in the order of their rows."""

    row_of: np.ndarray
    """int64 [examples]: the row of each, ascending; several may share one."""

    rows: int
    """Number of rows, including empty ones at the end."""


class FixedShapeGraph(Protocol):
    """An objective on rows of one shape. Nothing here knows of a device; computation follows the model's dtype."""

    layers: int
    """Of the model, encoder and decoder together: as many as the recipe's layers_per_ipu have to hold."""

    training: Any
    """Torch module over the model: `inputs` to the sum of the examples' weighted losses, float32 []."""

    predicting: Any
    """Torch module over the same model: what `predict` passes it to a tuple of tensors, each [rows, …]."""

    def parts(self, ipu_of_layer: Sequence[int], last: int) -> List[Tuple[Any, int]]:
        """The model's parts in the order in which a row passes through them, each with its IPU.

        A part is a module with all that is computed until the next one starts; what comes before the first part is on
        IPU 0. `last` is the pipeline's last IPU.
        """

    def inputs(self, packed: PackedRows, weights: np.ndarray) -> Inputs:
        """Arrays for `training`; weights, float32 [examples], are multiplied with the losses."""

    def predict(self, packed: PackedRows, run: Program) -> Dict[str, np.ndarray]:
        """What `Objective.outputs` would return for the batch, from a compiled `predicting`."""


class CompilableObjective(Objective, Protocol):
    """An objective that can also be compiled, for rows of one shape."""

    def fixed_shape(self, model: Any, config: IpuConfig) -> FixedShapeGraph:
        """The same on rows of one shape; BadInput where the model or the settings do not allow it."""


def pack(lengths: np.ndarray, width: int, most: int) -> List[List[int]]:
    """Pack examples of these lengths into rows of `width` tokens, at most `most` in a row: indices, row by row.

    Best fit decreasing: the longest first, each into the fullest row with room for it. Deterministic.
    """
    packs: List[List[int]] = []
    with_room: List[List[List[int]]] = [[] for _ in range(width + 1)]
    """Packs that may take more, by the tokens that they have left."""

    rooms = 0
    """The same as bits: bit n is set where some pack has n tokens left."""

    for index in np.argsort(-lengths, kind="stable").tolist():
        length = int(lengths[index])
        roomy = rooms >> length
        if roomy:
            room = length + (roomy & -roomy).bit_length() - 1  # the lowest bit: the fullest row that has room
            chosen = with_room[room].pop()
            if not with_room[room]:
                rooms ^= 1 << room
        else:
            chosen, room = [], width
            packs.append(chosen)
        chosen.append(index)
        if len(chosen) < most:
            with_room[room - length].append(chosen)
            rooms |= 1 << (room - length)
    return packs


def packs_of(lengths: np.ndarray, ipu: IpuConfig) -> List[List[int]]:
    """Which examples share a row; each has its own where the recipe does not pack."""
    if ipu.packing == 1:
        return [[index] for index in range(len(lengths))]
    width = max(ipu.row_tokens, int(lengths.max()))  # what is too long is refused by token_indices
    return pack(lengths, width, ipu.packing)


def require_room(lengths: np.ndarray, config: TrainingConfig, ipu: IpuConfig) -> int:
    """Pack every batch of a run and count the rows of the fullest; BadInput where a step has fewer.

    A second for SQuAD's 266,000 windows of three epochs, before anything is compiled.
    """
    _require_length(int(lengths.max()), ipu.row_tokens)
    order = Order(len(lengths), config)
    most = max(len(packs_of(lengths[order.rows(step)], ipu)) for step in range(order.steps))
    if most > ipu.rows_per_step:
        together = ipu.micro_batch_size * ipu.replication_factor
        raise BadInput(
            f"packed, the fullest batch of {config.batch_size} windows takes {most} rows, and an optimizer step has "
            f"{ipu.rows_per_step}; set training.ipu.gradient_accumulation to at least {-(-most // together)}"
        )
    return most


def pack_rows(examples: Examples, packs: Sequence[Sequence[int]], rows: int) -> PackedRows:
    """Gather examples for `rows` rows, each pack in one; rows after the last pack stay empty."""
    order = np.array([index for members in packs for index in members], dtype=np.int64)
    row_of = np.repeat(np.arange(len(packs)), [len(members) for members in packs])
    return PackedRows(examples.batch(order), row_of, rows)


def token_indices(packed: PackedRows, width: int) -> np.ndarray:
    """int64 [tokens]: the index of each token of the batch in rows of `width` tokens, flattened.

    BadInput where a row has more tokens.
    """
    offsets = packed.batch.offsets
    firsts = np.searchsorted(packed.row_of, packed.row_of)  # of each example's row, the first example
    columns = offsets[:-1] - offsets[firsts]
    lengths = np.diff(offsets)
    _require_length(int((columns + lengths).max()), width)
    return positions_of(packed.row_of * width + columns, lengths)


def scatter(values: np.ndarray, indices: np.ndarray, packed: PackedRows, width: int) -> np.ndarray:
    """[rows, width] with a stream's values at these indices, and 0 elsewhere."""
    filled = np.zeros(packed.rows * width, dtype=values.dtype)
    filled[indices] = values
    return filled.reshape(packed.rows, width)


def pad_rows(column: np.ndarray, packed: PackedRows) -> np.ndarray:
    """[rows, …] with a column's values in the rows of their examples, one in each, and 0 in the others."""
    filled = np.zeros((packed.rows, *column.shape[1:]), dtype=column.dtype)
    filled[packed.row_of] = column
    return filled


def attention_bias(allowed: Any, dtype: Any) -> Any:
    """What is added to the scores of attention, [rows, 1, width, width], from bool [rows, width, width]."""
    return ((allowed.to(dtype) - 1.0) * MASKED)[:, None]


def hidden_of(output: Any) -> Any:
    """The hidden states of a layer's output, which transformers 4 wraps in a tuple."""
    return output[0] if isinstance(output, tuple) else output


def _require_length(longest: int, width: int) -> None:
    if longest > width:
        raise BadInput(
            f"training.ipu.row_tokens is {width}; a row of the features has {longest}: raise it or prepare shorter rows"
        )
