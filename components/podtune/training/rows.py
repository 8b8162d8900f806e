"""Examples laid into rows of one length, for devices that compile a program for one shape."""

from typing import List, Sequence

import numpy as np

from podtune.errors import BadInput
from podtune.formats.ragged import places_of
from podtune.training.config import TrainingConfig
from podtune.training.ipu import IpuConfig
from podtune.training.protocols import Examples, Laid
from podtune.training.schedule import Order


def pack(lengths: np.ndarray, width: int, most: int) -> List[List[int]]:
    """Put examples of these lengths into rows of `width` places, at most so many in a row: indices, row by row.

    The longest first, each into the fullest row that has room for it (best fit decreasing), always in the same way.
    """
    packs: List[List[int]] = []
    with_room: List[List[List[int]]] = [[] for _ in range(width + 1)]
    """Packs that may take more, by the places that they have left."""

    rooms = 0
    """The same as bits: bit n is set where some pack has n places left."""

    for index in np.argsort(-lengths, kind="stable").tolist():
        length = int(lengths[index])
        roomy = rooms >> length
        if roomy:
            room = length + (roomy & -roomy).bit_length() - 1
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
    width = max(ipu.row_tokens, int(lengths.max()))  # what is too long is refused where it is laid
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


def lay(examples: Examples, packs: Sequence[Sequence[int]], rows: int) -> Laid:
    """Gather examples for `rows` rows, each pack in one; rows after the last pack stay empty."""
    order = np.array([index for members in packs for index in members], dtype=np.int64)
    row_of = np.repeat(np.arange(len(packs)), [len(members) for members in packs])
    return Laid(examples.batch(order), row_of, rows)


def token_places(laid: Laid, width: int) -> np.ndarray:
    """int64 [tokens]: where each token of the batch lies in rows of `width` places that follow one another.

    BadInput where a row has more tokens.
    """
    offsets = laid.batch.offsets
    firsts = np.searchsorted(laid.row_of, laid.row_of)  # of each example's row, the first example
    columns = offsets[:-1] - offsets[firsts]
    lengths = np.diff(offsets)
    _require_length(int((columns + lengths).max()), width)
    return places_of(laid.row_of * width + columns, lengths)


def in_rows(values: np.ndarray, places: np.ndarray, laid: Laid, width: int) -> np.ndarray:
    """[rows, width] with a stream's values at their places, and 0 elsewhere."""
    filled = np.zeros(laid.rows * width, dtype=values.dtype)
    filled[places] = values
    return filled.reshape(laid.rows, width)


def padded(column: np.ndarray, laid: Laid) -> np.ndarray:
    """[rows, …] with a column's values in the rows of their examples, one in each, and 0 in the others."""
    filled = np.zeros((laid.rows, *column.shape[1:]), dtype=column.dtype)
    filled[laid.row_of] = column
    return filled


def _require_length(longest: int, width: int) -> None:
    if longest > width:
        raise BadInput(
            f"training.ipu.row_tokens is {width}; a row of the features has {longest}: raise it or prepare shorter rows"
        )
