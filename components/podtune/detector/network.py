"""The whole detector as one network, under the names of the published weights."""

import torch
from torch import nn

from podtune.detector.backbone import Backbone, NormalisedConvolution
from podtune.detector.proposals import ProposalNetwork
from podtune.detector.region_head import RegionHead, Seen
from podtune.detector.settings import DetectorConfig
from podtune.errors import BadInput


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
