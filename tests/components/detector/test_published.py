"""What comes out is what the published program finds with the same weights in the same picture.

The numbers are that program's own, once run on this picture, with onnxruntime's suppression and pooling.
"""

from typing import Any, Callable, Dict

import numpy as np
import pytest
import torch
from PIL import Image
from podtune.detector.detector import Detector, Regions
from podtune.detector.network import Network
from podtune.detector.settings import DetectorConfig

CONFIG = DetectorConfig(
    width=4,
    blocks=(3, 4, 6, 3),
    proposal_width=8,
    anchor_sizes=(16, 32, 64),
    objects=11,
    attributes=9,
    shorter_side=200,
    longest_side=333,
    proposals_considered=600,
    proposals=80,
)
CALMED = {"conv3.norm.weight": 0.2, "bbox_pred": 0.2, "anchor_deltas": 0.2, "cls_score": 0.3}
"""Factors of some weights, so that values neither grow from layer to layer nor decide everything."""


@pytest.fixture
def regions(weights_of: Callable[..., Dict[str, torch.Tensor]], picture: Callable[..., Image.Image]) -> Regions:
    weights = weights_of(CONFIG)
    for name, tensor in weights.items():
        for part, factor in CALMED.items():
            if part in name:
                tensor.mul_(factor)
    network = Network(CONFIG).eval().requires_grad_(False)
    network.load_state_dict(weights)
    network.fold()
    return Detector(CONFIG, network, torch.device("cpu")).describe(picture(120, 80))


def close(found: Any, expected: Any, tolerance: float) -> bool:
    return np.abs(np.asarray(found) - np.asarray(expected)).max() < tolerance


def test_the_published_program_finds_the_same(regions: Regions) -> None:
    some = [0, 17, 35]

    assert regions.objects.tolist() == [9] * 36
    assert close(
        regions.object_confidences[[0, 1, 2, 17, 35]], [0.867296, 0.856432, 0.854618, 0.787254, 0.528506], 1e-4
    )
    assert close(
        regions.boxes[some],
        [
            [0.200165, 0.051499, 0.585169, 0.609771],
            [0, 0.280501, 0.017878, 1],
            [0, 0.963543, 0.450797, 1],
        ],
        1e-4,
    )
    assert close(
        regions.features[some, :4],
        [
            [0.724291, 0, 1.925209, 2.193990],
            [0.267113, 0, 4.035663, 0.940699],
            [0.243175, 0, 3.574151, 0.453782],
        ],
        1e-3,
    )
    assert close(regions.features.mean(), 3.399512, 1e-3)
    assert close(regions.boxes.mean(0), [0.105675, 0.484206, 0.304373, 0.883958], 1e-4)
