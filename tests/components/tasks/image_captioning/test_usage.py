import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from podtune.formats.ragged import save_array
from podtune.tasks.image_captioning.usage import example


@dataclass(frozen=True)
class Directory:
    """All that is read of Features."""

    path: Path


def test_the_pixels_of_the_best_caption_become_a_picture(tmp_path: Path) -> None:
    (tmp_path / "dev").mkdir()
    pixels = np.random.default_rng(0).integers(0, 256, (3, 8, 8, 3), dtype=np.uint8)
    save_array(tmp_path / "dev", "images", pixels)
    opened: Any = Directory(tmp_path)

    chosen = example(opened, "dev", [], [2, 0])

    assert (chosen.row, dict(chosen.values)) == (2, {"file": "example.png"})
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(chosen.files["example.png"]))), pixels[2])
