import base64
from typing import Any

import numpy as np
import pytest
from podtune.detector.regions import Regions, tsv_line
from podtune.tasks.visual_question_answering.region_row import columns_of, name_of, regions_of


@pytest.fixture
def regions() -> Regions:
    return Regions(
        features=np.linspace(0, 9, 2 * 2048, dtype=np.float32).reshape(2, 2048),
        boxes=np.array([[0, 0, 1, 1], [0.25, 0.5, 0.75, 0.625]], dtype=np.float32),
        objects=np.array([1599, 3]),
        object_confidences=np.array([0.5, 0.25], dtype=np.float32),
        attributes=np.array([399, 0]),
        attribute_confidences=np.array([0.75, 1], dtype=np.float32),
        width=640,
        height=480,
    )


def decoded(field: str, kind: str) -> Any:
    return np.frombuffer(base64.b64decode(field), dtype=kind).tolist()


def test_a_line_has_the_ten_published_fields(regions: Regions) -> None:
    fields = tsv_line("n161313", regions).split("\t")

    assert fields[:3] == ["n161313", "480", "640"]
    assert decoded(fields[3], "<i8") == [1599, 3]
    assert decoded(fields[4], "<f4") == [0.5, 0.25]
    assert decoded(fields[5], "<i8") == [399, 0]
    assert decoded(fields[6], "<f4") == [0.75, 1]
    assert fields[7] == "2"
    assert decoded(fields[8], "<f4") == [0, 0, 640, 480, 160, 240, 480, 300]
    assert len(decoded(fields[9], "<f4")) == 2 * 2048
    assert fields[9].endswith("\n")
    assert len(fields) == 10


def test_a_line_is_read_back_as_it_was_written(regions: Regions) -> None:
    line = tsv_line("n161313", regions).encode()
    columns = columns_of(line, 0, len(line) - 1)

    features, boxes = regions_of(columns, 2)

    assert name_of(columns) == "n161313"
    assert np.array_equal(features, regions.features)
    assert np.array_equal(boxes, regions.boxes)
