"""The question that a card's code is shown with, and the regions of its picture."""

from typing import Any, Mapping, Sequence

import numpy as np
from safetensors.numpy import save

from podtune.formats.evaluation import UsageExample
from podtune.formats.features import Features
from podtune.formats.ragged import map_array
from podtune.tasks.visual_question_answering.questions import BOXES, REGION_FEATURES

FILE = "example.safetensors"


def example(features: Features, split: str, records: Sequence[Mapping[str, Any]], best: Sequence[int]) -> UsageExample:
    """Choose the surest of the best questions; its picture's regions become a file, of 148 kB where they are 36."""
    row, directory = best[0], features.path / split
    image = int(map_array(directory, "image")[row])
    regions = {name: map_array(directory, name)[image : image + 1] for name in (REGION_FEATURES, BOXES)}
    content = save({name: np.ascontiguousarray(values) for name, values in regions.items()})
    return UsageExample(row, {"question": records[row]["question"], "file": FILE}, {FILE: content})
