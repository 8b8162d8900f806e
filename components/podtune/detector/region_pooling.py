"""The greatest values of a feature map in the cells of each region: RoIPool, bin for bin as Caffe has it."""

from typing import List, Tuple

import torch


def pool_regions(features: torch.Tensor, boxes: torch.Tensor, scale: float, cells: int) -> torch.Tensor:
    """Cut each box into cells × cells and take each cell's maximum; [boxes, channels, cells, cells].

    `features` are [channels, height, width]; `boxes` are float32 [boxes, 4] in pixels of the picture, which `scale`
    turns into places of the map. A cell outside the map is 0.
    """
    channels, height, width = features.shape
    plane = features.permute(1, 2, 0).contiguous()
    columns = _bins(boxes[:, 0], boxes[:, 2], scale, cells, width)
    rows = _bins(boxes[:, 1], boxes[:, 3], scale, cells, height)
    pooled = plane.new_zeros(len(boxes), cells, cells, channels)
    for target, across, down in zip(pooled, columns, rows):
        _pool_region(target, plane, across, down)
    return pooled.permute(0, 3, 1, 2)


Bin = Tuple[int, int]
"""First place and the one after the last."""


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
