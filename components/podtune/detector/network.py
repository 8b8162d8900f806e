"""The whole detector as one network, under the names of the published weights: backbone, proposals, region head."""

from dataclasses import dataclass
from typing import List, Tuple

import torch
from torch import nn

from podtune.detector.backbone import STRIDE, Backbone, NormalisedConvolution, make_stage
from podtune.detector.proposals import ProposalNetwork, clipped, moved
from podtune.detector.settings import DetectorConfig
from podtune.errors import BadInput

_AT_ONCE = 20
"""Regions in one pass: the widest layer's values are 32 MB in the published network, rather than 480."""

_BOX_WEIGHTS = (10.0, 10.0, 5.0, 5.0)


Bin = Tuple[int, int]
"""The first cell of the feature map, and the one after the last."""


@dataclass(frozen=True)
class Seen:
    """What was seen in each proposed region."""

    features: torch.Tensor
    boxes: torch.Tensor
    """In pixels of the network's input, within it."""

    objects: torch.Tensor
    object_confidences: torch.Tensor


class Network(nn.Module):
    """One picture's pixels to what is seen in its regions.

    Pictures are not batched: they would have to be padded to one size, which changes what is seen at their edges.
    """

    def __init__(self, config: DetectorConfig) -> None:
        super().__init__()
        self.backbone = Backbone(config)
        self.proposal_generator = ProposalNetwork(config)
        self.roi_heads = RegionHead(config)

    def forward(self, pixels: torch.Tensor) -> Seen:
        """Look at float32 [1, 3, height, width]; BadInput where no region has an area, as with senseless weights."""
        height, width = pixels.shape[2:]
        features = self.backbone(pixels)
        proposals = self.proposal_generator(features, height, width)
        if not len(proposals):
            raise BadInput("the detector finds no region at all; its weights cannot be those of a trained detector")
        seen: Seen = self.roi_heads(features, proposals, height, width)
        return seen

    def fold(self) -> None:
        """Make every normalisation part of the convolution before it, as it never changes again."""
        for module in self.modules():
            if isinstance(module, NormalisedConvolution):
                module.fold()


class Predictor(nn.Module):
    """A region's features to the scores of objects, and moves of the box for each object.

    The embedding and the attribute layers are among the published weights; nobody needs what they find.
    """

    def __init__(self, config: DetectorConfig) -> None:
        super().__init__()
        size = config.width * 32
        self.cls_score = nn.Linear(size, config.objects + 1)
        self.bbox_pred = nn.Linear(size, config.objects * 4)
        self.cls_embedding = nn.Embedding(config.objects + 1, size // 8)
        self.fc_attr = nn.Linear(size + size // 8, size // 4)
        self.attr_score = nn.Linear(size // 4, config.attributes + 1)


class RegionHead(nn.Module):
    """The last stage of the residual network on each region, and the predictor."""

    def __init__(self, config: DetectorConfig) -> None:
        super().__init__()
        self.config = config
        self.res5 = make_stage(config, 5, dilation=2)
        self.box_predictor = Predictor(config)

    def forward(self, feature_map: torch.Tensor, proposals: torch.Tensor, height: int, width: int) -> Seen:
        """Look at each proposed box [regions, 4] of one picture of this size."""
        cells = self.config.pooling
        pooled = (pool_regions(feature_map[0], some, 1 / STRIDE, cells) for some in torch.split(proposals, _AT_ONCE))
        features = torch.cat([self.res5(regions).mean((2, 3)) for regions in pooled])
        predictor = self.box_predictor
        scores = predictor.cls_score(features)
        confidences, objects = scores.softmax(1)[:, :-1].max(1)  # the background, which is last, is no object
        moves = predictor.bbox_pred(features).view(len(features), -1, 4)
        boxes = moved(proposals, moves[torch.arange(len(objects), device=objects.device), objects], _BOX_WEIGHTS)
        boxes = clipped(boxes, height, width)
        return Seen(features, boxes, objects, confidences)


def pool_regions(features: torch.Tensor, boxes: torch.Tensor, scale: float, cells: int) -> torch.Tensor:
    """Cut each box into cells × cells and take each cell's maximum; [boxes, channels, cells, cells].

    `features` are [channels, height, width]; `boxes` are float32 [boxes, 4] in pixels of the picture, which `scale`
    turns into cells of the map. What lies outside the map is 0.
    """
    channels, height, width = features.shape
    plane = features.permute(1, 2, 0).contiguous()
    columns = _bins(boxes[:, 0], boxes[:, 2], scale, cells, width)
    rows = _bins(boxes[:, 1], boxes[:, 3], scale, cells, height)
    pooled = plane.new_zeros(len(boxes), cells, cells, channels)
    for target, across, down in zip(pooled, columns, rows):
        _pool_region(target, plane, across, down)
    return pooled.permute(0, 3, 1, 2)


def _pool_region(target: torch.Tensor, plane: torch.Tensor, across: List[Bin], down: List[Bin]) -> None:
    """Fill one region's cells: each bin's rows are made one, and then its columns."""
    left, right = min(first for first, _ in across), max(last for _, last in across)
    lines = plane.new_zeros(len(down), max(0, right - left), plane.shape[2])
    for line, (first, last) in zip(lines, down):
        if first < last:
            torch.amax(plane[first:last, left:right], 0, out=line)
    for column, (first, last) in enumerate(across):
        if first < last:
            torch.amax(lines[:, first - left : last - left], 1, out=target[:, column])


def _bins(first: torch.Tensor, last: torch.Tensor, scale: float, cells: int, size: int) -> List[List[Bin]]:
    """The bins of every box along one side of the map; in float32, as in float64 one in a thousand is another."""
    start, stop = _nearest(first * scale), _nearest(last * scale)
    side = (stop - start + 1).clamp(min=1) / cells
    numbers = torch.arange(cells, dtype=torch.float32, device=first.device)
    begin = (torch.floor(numbers * side[:, None]) + start[:, None]).clamp(0, size)
    end = (torch.ceil((numbers + 1) * side[:, None]) + start[:, None]).clamp(0, size)
    pairs = torch.stack([begin, end], dim=2).long().tolist()
    return [[(begin, end) for begin, end in box] for box in pairs]


def _nearest(values: torch.Tensor) -> torch.Tensor:
    """The nearest whole numbers; halves are rounded away from zero."""
    return torch.trunc(values + torch.copysign(torch.full_like(values, 0.5), values))
