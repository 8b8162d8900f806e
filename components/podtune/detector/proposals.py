"""Where in a picture things may be: the most promising boxes, and which of several that overlap."""

import math
from typing import List, Sequence, Tuple

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from podtune.detector.backbone import STRIDE
from podtune.detector.settings import DetectorConfig
from podtune.formats.ragged import Array

_MOST_GROWTH = math.log(1000 / 16)
"""The exponent is cut there, so that no box becomes infinite."""


class AnchorGenerator(nn.Module):
    """The boxes that proposals start from. They are among the weights."""

    def __init__(self, config: DetectorConfig) -> None:
        super().__init__()
        halves = [
            (size / math.sqrt(ratio) / 2, size * math.sqrt(ratio) / 2)
            for size in config.anchor_sizes
            for ratio in config.anchor_ratios
        ]
        self.cell_anchors = nn.ParameterList([torch.tensor([(-x, -y, x, y) for x, y in halves])])

    def forward(self, height: int, width: int) -> torch.Tensor:
        """The anchors of a feature map, [height × width × anchors of a cell, 4], around each cell's first pixel."""
        anchors = self.cell_anchors[0]
        down = torch.arange(height, device=anchors.device) * STRIDE
        across = torch.arange(width, device=anchors.device) * STRIDE
        y, x = torch.meshgrid(down, across, indexing="ij")
        cells = torch.stack([x, y, x, y], dim=2).reshape(-1, 1, 4)
        boxes: torch.Tensor = cells + anchors
        return boxes.reshape(-1, 4)


class ProposalHead(nn.Module):
    """How promising each anchor is, and how it should be moved."""

    def __init__(self, config: DetectorConfig) -> None:
        super().__init__()
        anchors = len(config.anchor_sizes) * len(config.anchor_ratios)
        self.conv = nn.Conv2d(config.width * 16, config.proposal_width, 3, padding=1)
        self.objectness_logits = nn.Conv2d(config.proposal_width, anchors, 1)
        self.anchor_deltas = nn.Conv2d(config.proposal_width, anchors * 4, 1)


class ProposalNetwork(nn.Module):
    """A feature map to the regions that are worth a closer look."""

    def __init__(self, config: DetectorConfig) -> None:
        super().__init__()
        self.config = config
        self.anchor_generator = AnchorGenerator(config)
        self.rpn_head = ProposalHead(config)

    def forward(self, features: torch.Tensor, height: int, width: int) -> torch.Tensor:
        """Boxes [proposals, 4] within a picture of this size, the most promising first; few if the picture is tiny."""
        config, hidden = self.config, functional.relu_(self.rpn_head.conv(features))
        scores = self.rpn_head.objectness_logits(hidden)[0].permute(1, 2, 0).flatten()
        moves = self.rpn_head.anchor_deltas(hidden)[0].permute(1, 2, 0).reshape(-1, 4)
        anchors = self.anchor_generator(*features.shape[2:])
        scores, best = scores.sort(descending=True, stable=True)
        best, scores = best[: config.proposals_considered], scores[: config.proposals_considered]
        boxes = clipped(moved(anchors[best], moves[best], (1.0, 1.0, 1.0, 1.0)), height, width)
        solid = (boxes[:, 2:] > boxes[:, :2]).all(1)
        boxes, numbers = boxes[solid], scores[solid].cpu().numpy()
        kept = survivors(boxes.cpu().numpy(), numbers, config.proposal_overlap, config.proposals)
        return boxes[torch.from_numpy(filled(kept, numbers, config.regions)).to(boxes.device)]


def moved(boxes: torch.Tensor, moves: torch.Tensor, weights: Tuple[float, float, float, float]) -> torch.Tensor:
    """Move the centres of boxes [n, 4] by shares of their sides, and stretch the sides by exponents; [n, 4].

    Moves are across, down, wider, higher, each times its weight.
    """
    sides = boxes[:, 2:] - boxes[:, :2]
    centres = boxes[:, :2] + 0.5 * sides
    across_down, growth = torch.split(moves / moves.new_tensor(weights), 2, dim=1)
    centres = centres + across_down * sides
    half = 0.5 * torch.exp(growth.clamp(max=_MOST_GROWTH)) * sides
    return torch.cat([centres - half, centres + half], dim=1)


def clipped(boxes: torch.Tensor, height: int, width: int) -> torch.Tensor:
    """Cut off what lies outside the picture."""
    limits = boxes.new_tensor([width, height, width, height])
    return torch.minimum(boxes.clamp(min=0), limits)


def survivors(boxes: Array, scores: Array, overlap: float, most: int) -> Array:
    """The rows that no better row overlaps by more than `overlap`, the best first, `most` at most; int64.

    Boxes are float32 [rows, 4]: left, top, right, bottom. Of equal scores the earlier row is the better.
    """
    remaining = np.argsort(-scores, kind="stable")
    kept: List[int] = []
    while remaining.size and len(kept) < most:
        best, remaining = remaining[0], remaining[1:]
        kept.append(best)
        remaining = remaining[_overlaps(boxes[best], boxes[remaining]) <= overlap]
    return np.array(kept, dtype=np.int64)


def enough_survivors(boxes: Array, scores: Array, overlaps: Sequence[float], count: int) -> Array:
    """Exactly `count` rows: those that survive the first of `overlaps` which leaves so many; int64.

    Where none does, the last one's survivors come first, then the best of the others. Where there are fewer rows than
    `count`, all are repeated in that order.
    """
    kept = np.zeros(0, dtype=np.int64)
    for overlap in overlaps:
        kept = survivors(boxes, scores, overlap, count)
        if len(kept) == count:
            break
    return np.resize(filled(kept, scores, count), count)


def filled(kept: Array, scores: Array, count: int) -> Array:
    """The kept rows; where they are fewer than `count`, the best of the others after them, as far as there are any."""
    others = np.setdiff1d(np.arange(len(scores)), kept)
    missing = max(0, count - len(kept))
    return np.concatenate([kept, others[np.argsort(-scores[others], kind="stable")][:missing]])


def _overlaps(box: Array, others: Array) -> Array:
    """Intersection over union in float32; 0 for boxes without an area."""
    sides = np.minimum(box[2:], others[:, 2:]) - np.maximum(box[:2], others[:, :2])
    shared = np.prod(np.maximum(sides, np.float32(0)), axis=1)
    union = np.prod(box[2:] - box[:2]) + np.prod(others[:, 2:] - others[:, :2], axis=1) - shared
    shares: Array = np.divide(shared, union, out=np.zeros_like(shared), where=shared > 0)
    return shares
