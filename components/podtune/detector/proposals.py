"""Where in a picture things may be: boxes of the most promising places."""

import math

import torch
from torch import nn
from torch.nn import functional

from podtune.detector.backbone import STRIDE
from podtune.detector.boxes import clipped, moved
from podtune.detector.settings import DetectorConfig
from podtune.detector.suppression import filled, survivors


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
        """The anchors of a feature map, [height × width × anchors of a place, 4], around each place's first pixel."""
        anchors = self.cell_anchors[0]
        down = torch.arange(height, device=anchors.device) * STRIDE
        across = torch.arange(width, device=anchors.device) * STRIDE
        y, x = torch.meshgrid(down, across, indexing="ij")
        places = torch.stack([x, y, x, y], dim=2).reshape(-1, 1, 4)
        boxes: torch.Tensor = places + anchors
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
        hidden = functional.relu_(self.rpn_head.conv(features))
        scores = self.rpn_head.objectness_logits(hidden)[0].permute(1, 2, 0).flatten()
        moves = self.rpn_head.anchor_deltas(hidden)[0].permute(1, 2, 0).reshape(-1, 4)
        anchors = self.anchor_generator(*features.shape[2:])
        scores, best = scores.sort(descending=True, stable=True)
        best, scores = best[: self.config.proposals_considered], scores[: self.config.proposals_considered]
        boxes = clipped(moved(anchors[best], moves[best], (1.0, 1.0, 1.0, 1.0)), height, width)
        solid = (boxes[:, 2:] > boxes[:, :2]).all(1)
        return self._chosen(boxes[solid], scores[solid])

    def _chosen(self, boxes: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """Those that no better one overlaps; then others, where they are fewer than the regions that must come out."""
        config = self.config
        numbers = scores.cpu().numpy()
        kept = survivors(boxes.cpu().numpy(), numbers, config.proposal_overlap, config.proposals)
        return boxes[torch.from_numpy(filled(kept, numbers, config.regions)).to(boxes.device)]
