"""The picture that a card's code is shown with."""

import io
from typing import Any, Mapping, Sequence

from PIL import Image

from podtune.formats.evaluation import UsageExample
from podtune.formats.features import Features
from podtune.formats.ragged import map_array
from podtune.tasks.image_captioning.captions import PIXELS

FILE = "example.png"


def example(features: Features, split: str, _: Sequence[Mapping[str, Any]], best: Sequence[int]) -> UsageExample:
    """Choose the first picture whose caption scored best; the file holds the pixels that the model saw."""
    stream = io.BytesIO()
    Image.fromarray(map_array(features.path / split, PIXELS)[best[0]]).save(stream, "PNG", optimize=True)
    return UsageExample(best[0], {"file": FILE}, {FILE: stream.getvalue()})
