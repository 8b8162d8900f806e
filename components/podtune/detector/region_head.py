"""What is in each proposed region: features, the object and its attribute, and the object's box."""

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional

from podtune.detector.backbone import STRIDE, make_stage
from podtune.detector.boxes import clipped, moved
from podtune.detector.region_pooling import pool_regions
from podtune.detector.settings import DetectorConfig

_AT_ONCE = 20
"""Regions in one pass: the widest layer's values are 32 MB in the published network, rather than 480."""

_BOX_WEIGHTS = (10.0, 10.0, 5.0, 5.0)


@dataclass(frozen=True)
class Seen:
    """What was seen in each proposed region."""

    features: torch.Tensor
    boxes: torch.Tensor
    """In pixels of the network's input, within it."""

    objects: torch.Tensor
    object_confidences: torch.Tensor
    attributes: torch.Tensor
    attribute_confidences: torch.Tensor


class Predictor(nn.Module):
    """A region's features to the scores of objects, of attributes given the best object, and moves for each object."""

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
        features = torch.cat([self._features(feature_map, boxes) for boxes in torch.split(proposals, _AT_ONCE)])
        predictor = self.box_predictor
        scores = predictor.cls_score(features)
        # the background, which is last, is no object, but attributes are told given whatever is likeliest
        confidences, objects = scores.softmax(1)[:, :-1].max(1)
        described = torch.cat([features, predictor.cls_embedding(scores.argmax(1))], dim=1)
        attribute_scores = predictor.attr_score(functional.relu(predictor.fc_attr(described)))
        attribute_confidences, attributes = attribute_scores[:, :-1].softmax(1).max(1)
        moves = predictor.bbox_pred(features).view(len(features), -1, 4)
        boxes = moved(proposals, moves[torch.arange(len(objects), device=objects.device), objects], _BOX_WEIGHTS)
        boxes = clipped(boxes, height, width)
        return Seen(features, boxes, objects, confidences, attributes, attribute_confidences)

    def _features(self, feature_map: torch.Tensor, boxes: torch.Tensor) -> torch.Tensor:
        pooled = pool_regions(feature_map[0], boxes, 1 / STRIDE, self.config.pooling)
        features: torch.Tensor = self.res5(pooled).mean((2, 3))
        return features
