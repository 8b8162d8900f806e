"""Extractive question answering on rows of one length, with several windows in a row if packed."""

from typing import Any, Dict, List, Sequence, Tuple

import numpy as np
import torch
from torch import Tensor, nn

from podtune.formats.ragged import positions_of
from podtune.training import fixed_shapes
from podtune.training.fixed_shapes import Inputs, PackedRows, Program, scatter
from podtune.training.ipu import IpuConfig


class SpanGraph:
    """The FixedShapeGraph of BERT and its kin; windows in a row neither see nor affect each other."""

    def __init__(self, model: Any, config: IpuConfig, first_position: int, *, has_segments: bool) -> None:
        self._width, self._packing = config.row_tokens, config.packing
        self._encoder, self._head = model.base_model, model.qa_outputs
        self.layers = len(self._encoder.encoder.layer)
        trunk = _Trunk(self._encoder, self._head, first_position, has_segments=has_segments)
        self.training, self.predicting = _Training(trunk, config.packing), _Predicting(trunk)

    def parts(self, ipu_of_layer: Sequence[int], last: int) -> List[Tuple[nn.Module, int]]:
        """Embeddings on the first IPU, the head on the last."""
        return [(self._encoder.embeddings, 0), *zip(self._encoder.encoder.layer, ipu_of_layer), (self._head, last)]

    def inputs(self, packed: PackedRows, weights: np.ndarray) -> Inputs:
        """int32 tokens, segments, positions and window, [rows, width]; answers and weights, [rows, windows]."""
        shape, member = (packed.rows, self._packing), _member(packed)
        columns = {name: np.zeros(shape, dtype=np.int32) for name in ("answer_start", "answer_end")}
        for name, column in columns.items():
            column[packed.row_of, member] = packed.batch.columns[name]
        weighed = np.zeros(shape, dtype=np.float32)
        weighed[packed.row_of, member] = weights
        return {**self._tokens(packed, fixed_shapes.token_indices(packed, self._width)), **columns, "weights": weighed}

    def predict(self, packed: PackedRows, run: Program) -> Dict[str, np.ndarray]:
        """Start and end logits, float32 [tokens] each."""
        indices = fixed_shapes.token_indices(packed, self._width)
        start, end = run(self._tokens(packed, indices))
        return {"start_logits": start.reshape(-1)[indices], "end_logits": end.reshape(-1)[indices]}

    def _tokens(self, packed: PackedRows, indices: np.ndarray) -> Inputs:
        """Arrays of the tokens, [rows, width], scattered to these indices."""
        lengths = np.diff(packed.batch.offsets)
        streams = {
            "tokens": packed.batch.streams["tokens"],
            "segments": packed.batch.streams["segments"],
            "positions": positions_of(np.zeros_like(lengths), lengths),
            "window": np.repeat(_member(packed) + 1, lengths),
        }
        return {name: scatter(one.astype(np.int32), indices, packed, self._width) for name, one in streams.items()}


def _member(packed: PackedRows) -> np.ndarray:
    """int64 [examples]: which of its row's examples each is, counted from 0."""
    return np.arange(len(packed.row_of)) - np.searchsorted(packed.row_of, packed.row_of)


class _Trunk(nn.Module):
    """The model on packed rows, driven part by part: transformers' own forward masks one window a row only."""

    def __init__(self, encoder: Any, head: Any, first_position: int, *, has_segments: bool) -> None:
        super().__init__()
        self.encoder, self.head, self._first_position = encoder, head, first_position
        self._has_segments = has_segments

    def forward(self, tokens: Tensor, segments: Tensor, positions: Tensor, window: Tensor) -> Tensor:
        hidden = self.encoder.embeddings(
            input_ids=tokens,
            token_type_ids=segments if self._has_segments else segments * 0,
            position_ids=positions + self._first_position,
        )
        if hasattr(self.encoder, "embeddings_project"):  # ELECTRA's, where embeddings are narrower than layers
            hidden = self.encoder.embeddings_project(hidden)
        bias = fixed_shapes.attention_bias(window[:, :, None] == window[:, None, :], hidden.dtype)
        for layer in self.encoder.encoder.layer:
            hidden = fixed_shapes.hidden_of(layer(hidden, bias))
        logits: Tensor = self.head(hidden).float()
        return logits


class _Training(nn.Module):
    """To the weighted sum of the windows' losses, each the mean of two cross-entropies over the window's own tokens."""

    def __init__(self, trunk: _Trunk, windows: int) -> None:
        super().__init__()
        self.trunk, self._windows = trunk, windows

    def forward(
        self,
        tokens: Tensor,
        segments: Tensor,
        positions: Tensor,
        window: Tensor,
        answer_start: Tensor,
        answer_end: Tensor,
        weights: Tensor,
    ) -> Tensor:
        logits = self.trunk(tokens, segments, positions, window)
        own = torch.stack([window == number + 1 for number in range(self._windows)], dim=1)
        start = _cross_entropies(logits[..., 0], own, own & (positions[:, None] == answer_start[..., None]))
        end = _cross_entropies(logits[..., 1], own, own & (positions[:, None] == answer_end[..., None]))
        return ((start + end) / 2 * weights).sum()


def _cross_entropies(logits: Tensor, own: Tensor, target: Tensor) -> Tensor:
    """float32 [rows, windows] from logits [rows, width]; `own` masks a window's tokens, `target` the right one."""
    scores = logits[:, None] + (own.float() - 1.0) * fixed_shapes.MASKED
    return -(scores.log_softmax(-1) * target.float()).sum(-1)


class _Predicting(nn.Module):
    """To start and end logits, float32 [rows, width] each."""

    def __init__(self, trunk: _Trunk) -> None:
        super().__init__()
        self.trunk = trunk

    def forward(self, tokens: Tensor, segments: Tensor, positions: Tensor, window: Tensor) -> Tuple[Tensor, Tensor]:
        logits = self.trunk(tokens, segments, positions, window)
        return logits[..., 0], logits[..., 1]
