"""A table of tokens that is looked up part by part, so that an IPU never holds the gradient of the whole."""

from typing import Dict

import torch
from torch import nn


class SerializedEmbedding(nn.Module):
    """Stands in for an nn.Embedding; int32 [rows, width] to [rows, width, embedding]."""

    def __init__(self, table: nn.Embedding, parts: int) -> None:
        super().__init__()
        self.num_embeddings, self._rows = table.num_embeddings, table.num_embeddings // parts
        pieces = torch.split(table.weight.detach(), self._rows)
        self.parts = nn.ModuleList(
            nn.Embedding(len(piece), table.embedding_dim, _weight=piece.clone()) for piece in pieces
        )

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        found = [self._look_up(part, tokens - number * self._rows) for number, part in enumerate(self.parts)]
        return torch.stack(found).sum(0)

    def _look_up(self, part: nn.Module, place: torch.Tensor) -> torch.Tensor:
        """The part's vectors, and 0 for tokens of other parts."""
        inside = (place >= 0) & (place < self._rows)
        vectors: torch.Tensor = part(place * inside.int())
        return vectors * inside[..., None].to(vectors.dtype)


def whole_tables(model: nn.Module, tensors: Dict[str, torch.Tensor]) -> Dict[str, torch.Tensor]:
    """Put the parts of serialized tables together again, under the name that the table had."""
    tensors = dict(tensors)
    for name, module in model.named_modules():
        if isinstance(module, SerializedEmbedding):
            pieces = [tensors.pop(f"{name}.parts.{number}.weight") for number in range(len(module.parts))]
            tensors[f"{name}.weight"] = torch.cat(pieces)
    return tensors
