"""Visual question answering on rows of one length: a question each, and its image's regions."""

from typing import Any, Callable, Dict, List, Sequence, Tuple

import numpy as np
from torch import Tensor, nn

from podtune.training.fixed_shapes import Inputs, PackedRows, Program, pad_rows, scatter, token_indices
from podtune.training.ipu import IpuConfig

Losses = Callable[[Tensor, Tensor], Tensor]
"""Logits [rows, answers] and targets to float32 [rows]."""


class LxmertGraph:
    """The FixedShapeGraph of LXMERT, whose language layers come before its visual and its crossing ones."""

    def __init__(self, model: Any, config: IpuConfig, losses: Losses, *, soft: bool) -> None:
        self._width, self._model = config.row_tokens, model
        self._crossing = model.lxmert.encoder
        self.layers = len(self._all_layers())
        trunk = _Trunk(model)
        self.training, self.predicting = _Training(trunk, losses), _Predicting(trunk, losses, soft=soft)

    def parts(self, ipu_of_layer: Sequence[int], last: int) -> List[Tuple[nn.Module, int]]:
        """Both embeddings on the first IPU; the pooler and the head on the last."""
        lxmert = self._model.lxmert
        before = [(lxmert.embeddings, 0), (self._crossing.visn_fc, 0)]
        after = [(lxmert.pooler, last), (self._model.answer_head, last)]
        return [*before, *zip(self._all_layers(), ipu_of_layer), *after]

    def inputs(self, packed: PackedRows, weights: np.ndarray) -> Inputs:
        """What `_questions` returns, and the weights, float32 [rows]."""
        return {**self._questions(packed), "weights": pad_rows(weights, packed)}

    def predict(self, packed: PackedRows, run: Program) -> Dict[str, np.ndarray]:
        """Best answer, its probability and the loss of each row."""
        answer, probability, loss = (values[packed.row_of] for values in run(self._questions(packed)))
        return {"answer": answer.astype(np.int64), "probability": probability, "loss": loss}

    def _all_layers(self) -> List[nn.Module]:
        return [*self._crossing.layer, *self._crossing.r_layers, *self._crossing.x_layers]

    def _questions(self, packed: PackedRows) -> Inputs:
        """int32 tokens and mask, [rows, width]; regions float16, boxes, and the target, [rows, …]."""
        indices, columns = token_indices(packed, self._width), packed.batch.columns
        tokens = packed.batch.streams["tokens"].astype(np.int32)
        target = columns["target"]
        return {
            "tokens": scatter(tokens, indices, packed, self._width),
            "mask": scatter(np.ones_like(tokens), indices, packed, self._width),
            "regions": pad_rows(columns["regions"], packed),
            "boxes": pad_rows(columns["boxes"].astype(np.float16), packed),
            "target": pad_rows(target.astype(np.int32) if target.ndim == 1 else target, packed),
        }


class _Trunk(nn.Module):
    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, tokens: Tensor, mask: Tensor, regions: Tensor, boxes: Tensor) -> Tensor:
        kind = self.model.lxmert.embeddings.word_embeddings.weight.dtype
        scores: Tensor = self.model(
            input_ids=tokens,
            attention_mask=mask.to(kind),
            token_type_ids=tokens * 0,
            visual_feats=regions.to(kind),
            visual_pos=boxes.to(kind),
        ).question_answering_score
        return scores.float()


class _Training(nn.Module):
    """To the weighted sum of the rows' losses."""

    def __init__(self, trunk: _Trunk, losses: Losses) -> None:
        super().__init__()
        self.trunk, self._losses = trunk, losses

    def forward(
        self, tokens: Tensor, mask: Tensor, regions: Tensor, boxes: Tensor, target: Tensor, weights: Tensor
    ) -> Tensor:
        return (self._losses(self.trunk(tokens, mask, regions, boxes), target) * weights).sum()


class _Predicting(nn.Module):
    """To the best answer, its probability and the loss, each [rows]."""

    def __init__(self, trunk: _Trunk, losses: Losses, *, soft: bool) -> None:
        super().__init__()
        self.trunk, self._losses, self._soft = trunk, losses, soft

    def forward(
        self, tokens: Tensor, mask: Tensor, regions: Tensor, boxes: Tensor, target: Tensor
    ) -> Tuple[Tensor, ...]:
        logits = self.trunk(tokens, mask, regions, boxes)
        probabilities = logits.sigmoid() if self._soft else logits.softmax(1)
        probability, answer = probabilities.max(1)
        return answer, probability, self._losses(logits, target)
