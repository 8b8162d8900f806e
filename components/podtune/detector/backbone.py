"""The residual network that turns a picture into a feature map, and the stages it is made of."""

from typing import Optional

import torch
from torch import nn
from torch.nn import functional

from podtune.detector.settings import DetectorConfig

STRIDE = 16
"""Pixels of a picture to a cell of the feature map."""


class NormalisedConvolution(nn.Module):
    """A convolution without bias, and the batch normalisation after it with what it saw in training."""

    def __init__(self, channels: int, outputs: int, size: int, *, stride: int = 1, dilation: int = 1) -> None:
        super().__init__()
        self.stride, self.dilation, self.padding = stride, dilation, dilation * (size // 2)
        self.weight = nn.Parameter(torch.empty(outputs, channels, size, size))
        self.norm: Optional[nn.BatchNorm2d] = nn.BatchNorm2d(outputs)
        self.register_parameter("bias", None)

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        values = functional.conv2d(values, self.weight, self.bias, self.stride, self.padding, self.dilation)
        return values if self.norm is None else self.norm(values)

    def fold(self) -> None:
        """Make the normalisation, which is fixed, part of the weights; the published tensors are gone then."""
        if self.norm is None:
            return
        norm = self.norm.double()
        factor = norm.weight / torch.sqrt(norm.get_buffer("running_var") + norm.eps)
        shift = norm.bias - norm.get_buffer("running_mean") * factor
        self.weight = nn.Parameter((self.weight * factor[:, None, None, None]).to(self.weight.dtype))
        self.bias = nn.Parameter(shift.to(self.weight.dtype))
        self.norm = None


class Block(nn.Module):
    """A residual block: narrow, look around, widen. The stride is in the narrowing, as Caffe's networks have it."""

    def __init__(self, channels: int, width: int, outputs: int, *, stride: int = 1, dilation: int = 1) -> None:
        super().__init__()
        self.shortcut: nn.Module = nn.Identity()
        if channels != outputs:
            self.shortcut = NormalisedConvolution(channels, outputs, 1, stride=stride)
        self.conv1 = NormalisedConvolution(channels, width, 1, stride=stride)
        self.conv2 = NormalisedConvolution(width, width, 3, dilation=dilation)
        self.conv3 = NormalisedConvolution(width, outputs, 1)

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        inner = functional.relu_(self.conv1(values))
        inner = functional.relu_(self.conv2(inner))
        return functional.relu_(self.conv3(inner).add_(self.shortcut(values)))


def make_stage(config: DetectorConfig, number: int, *, stride: int = 1, dilation: int = 1) -> nn.Sequential:
    """The blocks of stage `number`, 2 to 5; only the first one has the stride."""
    width = config.width * 2 ** (number - 2)
    channels = config.width if number == 2 else width * 2
    first = Block(channels, width, width * 4, stride=stride, dilation=dilation)
    others = (Block(width * 4, width, width * 4, dilation=dilation) for _ in range(config.blocks[number - 2] - 1))
    return nn.Sequential(first, *others)


class Backbone(nn.Module):
    """A picture's pixels to its feature map of 16 × config.width channels, a cell for every 16 × 16 pixels."""

    def __init__(self, config: DetectorConfig) -> None:
        super().__init__()
        self.stem = nn.ModuleDict({"conv1": NormalisedConvolution(3, config.width, 7, stride=2)})
        self.res2 = make_stage(config, 2)
        self.res3 = make_stage(config, 3, stride=2)
        self.res4 = make_stage(config, 4, stride=2)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        values = functional.relu_(self.stem["conv1"](pixels))
        values = functional.max_pool2d(values, kernel_size=3, stride=2, ceil_mode=True)
        features: torch.Tensor = self.res4(self.res3(self.res2(values)))
        return features
