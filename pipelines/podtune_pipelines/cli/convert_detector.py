"""`podtune convert-detector`: the published detector's weights, once, to the file that recipes and predict read."""

from pathlib import Path
from typing import Annotated

import typer


def convert_detector(
    file: Annotated[Path, typer.Argument(help="The published weights: pytorch_model.bin, or another .pth file.")],
    to: Annotated[Path, typer.Option(help="Directory to write model.safetensors to.")] = Path("detector"),
) -> None:
    """Convert the published detector's weights to safetensors.

    The detector is the Visual Genome Faster R-CNN that finds the regions of pictures. Its file is checked by the names
    and shapes of all its tensors, and nothing in it but tensors is read.
    """
    from podtune.detector.conversion import convert
    from podtune.formats.sums import sha256_of

    written = convert(file, to)
    print(f"wrote {written}, SHA-256 {sha256_of(written)}")
    print(f"use it with `podtune predict --detector {to}`, and in a recipe as source.splits")
    print(f"  train.detector: {written.resolve()}")
