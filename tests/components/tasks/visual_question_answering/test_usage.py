from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from podtune.formats.ragged import save_array
from podtune.tasks.visual_question_answering.usage import example
from safetensors.numpy import load


@dataclass(frozen=True)
class Directory:
    """All that is read of Features."""

    path: Path


def test_the_regions_of_the_surest_questions_picture_become_a_file(tmp_path: Path) -> None:
    (tmp_path / "dev").mkdir()
    features = np.arange(2 * 3 * 4, dtype=np.float16).reshape(2, 3, 4)
    boxes = np.arange(2 * 3 * 4, dtype=np.float32).reshape(2, 3, 4) / 24
    for name, array in (("image", np.array([1, 0], dtype=np.int32)), ("features", features), ("boxes", boxes)):
        save_array(tmp_path / "dev", name, array)
    records = [{"question": "What?"}, {"question": "Who?"}]
    opened: Any = Directory(tmp_path)

    chosen = example(opened, "dev", records, [1, 0])

    assert (chosen.row, dict(chosen.values)) == (1, {"question": "Who?", "file": "example.safetensors"})
    stored = load(chosen.files["example.safetensors"])
    assert (stored["features"].tolist(), stored["features"].dtype) == (features[:1].tolist(), np.float16)
    assert (stored["boxes"].tolist(), stored["boxes"].dtype) == (boxes[:1].tolist(), np.float32)
