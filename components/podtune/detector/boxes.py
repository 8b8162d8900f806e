"""Boxes as a network says them: moves of other boxes."""

import math
from typing import Tuple

import torch

_MOST_GROWTH = math.log(1000 / 16)
"""The exponent is cut there, so that no box becomes infinite."""


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
