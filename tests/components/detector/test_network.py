"""The network is the published one: names, shapes, and what its layers do with an impulse."""

import pytest
import torch
from podtune.detector.backbone import Backbone, Block
from podtune.detector.network import Network
from podtune.detector.settings import DetectorConfig
from torch import nn

SHAPES = {
    "backbone.stem.conv1.weight": (64, 3, 7, 7),
    "backbone.stem.conv1.norm.num_batches_tracked": (),
    "backbone.res2.0.shortcut.norm.running_mean": (256,),
    "backbone.res3.0.conv1.weight": (128, 256, 1, 1),
    "backbone.res4.22.conv3.norm.bias": (1024,),
    "proposal_generator.anchor_generator.cell_anchors.0": (12, 4),
    "proposal_generator.rpn_head.conv.weight": (512, 1024, 3, 3),
    "proposal_generator.rpn_head.objectness_logits.bias": (12,),
    "proposal_generator.rpn_head.anchor_deltas.weight": (48, 512, 1, 1),
    "roi_heads.res5.0.shortcut.weight": (2048, 1024, 1, 1),
    "roi_heads.res5.2.conv2.weight": (512, 512, 3, 3),
    "roi_heads.box_predictor.cls_score.weight": (1601, 2048),
    "roi_heads.box_predictor.bbox_pred.weight": (6400, 2048),
    "roi_heads.box_predictor.cls_embedding.weight": (1601, 256),
    "roi_heads.box_predictor.fc_attr.weight": (512, 2304),
    "roi_heads.box_predictor.attr_score.weight": (401, 512),
}
"""One of a kind of the published tensors."""


def test_the_tensors_are_the_published_ones() -> None:
    network = Network(DetectorConfig())

    tensors = network.state_dict()
    assert len(tensors) == 640
    assert sum(parameter.numel() for parameter in network.parameters()) == 65_439_870
    assert {name: tuple(tensors[name].shape) for name in SHAPES} == SHAPES


@pytest.mark.parametrize(
    ("height", "width", "cells"),
    [(32, 48, (2, 3)), (33, 49, (2, 3)), (31, 17, (2, 1)), (16, 96, (1, 6)), (13, 90, (1, 6))],
)
def test_a_feature_map_has_a_cell_for_every_16_pixels(height: int, width: int, cells: tuple[int, int]) -> None:
    backbone = Backbone(DetectorConfig(width=2, blocks=(1, 1, 1, 1))).eval()

    assert backbone(torch.zeros(1, 3, height, width)).shape == (1, 32, *cells)


def summing_block(**options: int) -> Block:
    """A block of which each layer adds up all that it sees, with a shortcut that sees nothing."""
    block = Block(1, 1, 2, **options).eval()
    for name, tensor in block.named_parameters():
        nn.init.constant_(tensor, 0 if name.startswith("shortcut") or name.endswith("bias") else 1)
    return block


def cells_reached(block: Block, row: int, column: int) -> list[tuple[int, int]]:
    """Where an impulse in one cell of 7 x 7 comes out."""
    impulse = torch.zeros(1, 1, 7, 7)
    impulse[0, 0, row, column] = 1
    return [(y, x) for y, x in block(impulse)[0, 0].nonzero().tolist()]


def test_the_stride_is_in_the_narrowing() -> None:
    """Cells with an odd number are never looked at; with the stride in the middle layer they would be."""
    assert cells_reached(summing_block(stride=2), 3, 3) == []
    assert cells_reached(summing_block(stride=2), 6, 6) == [(2, 2), (2, 3), (3, 2), (3, 3)]


def test_dilation_looks_at_every_other_cell() -> None:
    assert cells_reached(summing_block(dilation=2), 3, 0) == [(1, 0), (1, 2), (3, 0), (3, 2), (5, 0), (5, 2)]


def test_folding_changes_nothing(small_network: Network) -> None:
    generator = torch.Generator().manual_seed(1)
    pixels = torch.randn(1, 3, 64, 96, generator=generator)
    with torch.inference_mode():
        before = small_network.backbone(pixels)
        small_network.fold()
        after = small_network.backbone(pixels)

    assert before.std() > 0.1
    assert (before - after).abs().max() < 1e-4
    assert not any("norm" in name for name in small_network.state_dict())
