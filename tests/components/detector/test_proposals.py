from typing import Any, List

import numpy as np
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper
from podtune.detector.proposals import AnchorGenerator, clipped, enough_survivors, moved, survivors
from podtune.detector.settings import DetectorConfig

OVERLAPS = (0.3, 0.5, 0.7)


def by_onnxruntime(boxes: Any, scores: Any, overlap: float) -> List[int]:
    """What NonMaxSuppression keeps of one picture's boxes of one class."""
    inputs = [("boxes", TensorProto.FLOAT), ("scores", TensorProto.FLOAT)]
    inputs += [("most", TensorProto.INT64), ("overlap", TensorProto.FLOAT)]
    graph = helper.make_graph(
        [helper.make_node("NonMaxSuppression", [name for name, _ in inputs], ["kept"])],
        "suppression",
        [helper.make_tensor_value_info(name, kind, None) for name, kind in inputs],
        [helper.make_tensor_value_info("kept", TensorProto.INT64, None)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)], ir_version=8)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    values = {
        "boxes": boxes[None],
        "scores": scores[None, None],
        "most": np.array([len(boxes)], dtype=np.int64),
        "overlap": np.array([overlap], dtype=np.float32),
    }
    (kept,) = session.run(None, values)
    return [int(row) for _, _, row in kept]


def random_boxes(rows: int, size: float) -> Any:
    random = np.random.default_rng(rows)
    corners = random.random((rows, 2)) * 100
    return np.concatenate([corners, corners + random.random((rows, 2)) * size], axis=1).astype(np.float32)


@pytest.mark.parametrize("overlap", OVERLAPS)
@pytest.mark.parametrize(("rows", "size"), [(1, 50), (400, 20), (401, 80)])
def test_random_boxes_survive_as_in_onnxruntime(rows: int, size: float, overlap: float) -> None:
    boxes = random_boxes(rows, size)
    scores = np.random.default_rng(0).random(rows, dtype=np.float32)

    assert survivors(boxes, scores, overlap, rows).tolist() == by_onnxruntime(boxes, scores, overlap)


@pytest.mark.parametrize("overlap", OVERLAPS)
def test_awkward_boxes_survive_as_in_onnxruntime(overlap: float) -> None:
    """On a small grid many boxes are equal, touch, have no area, or overlap by just the threshold; so are scores."""
    corners = np.random.default_rng(1).integers(0, 12, (500, 2))
    sides = np.random.default_rng(2).integers(0, 11, (500, 2))
    boxes = np.concatenate([corners, corners + sides], axis=1).astype(np.float32)
    scores = np.random.default_rng(3).integers(0, 5, 500).astype(np.float32) / 4

    assert survivors(boxes, scores, overlap, 500).tolist() == by_onnxruntime(boxes, scores, overlap)


def test_the_best_come_first_and_no_more_than_asked_for() -> None:
    boxes = np.array([[0, 0, 1, 1], [5, 5, 6, 6], [9, 9, 10, 10]], dtype=np.float32)

    assert survivors(boxes, np.array([0.1, 0.3, 0.2], dtype=np.float32), 0.5, 2).tolist() == [1, 2]


def test_no_boxes_have_no_survivors() -> None:
    assert survivors(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), 0.5, 9).tolist() == []


NESTED = np.array([[0, 0, 10, 10], [0, 0, 10, 9], [0, 0, 10, 5.5], [0, 0, 10, 2]], dtype=np.float32)
"""They overlap the one before by 0.9, 0.61 and 0.36; the first by 0.9, 0.55 and 0.2."""

DESCENDING = np.array([0.9, 0.8, 0.7, 0.6], dtype=np.float32)


@pytest.mark.parametrize(("count", "expected"), [(2, [0, 3]), (3, [0, 2, 3])])
def test_the_next_threshold_is_tried_where_too_few_survive(count: int, expected: List[int]) -> None:
    assert enough_survivors(NESTED, DESCENDING, (0.5, 0.6, 0.7), count).tolist() == expected


def test_the_best_of_the_others_fill_up() -> None:
    assert enough_survivors(NESTED, DESCENDING, (0.5, 0.6, 0.7), 4).tolist() == [0, 2, 3, 1]


def test_too_few_boxes_are_repeated() -> None:
    assert enough_survivors(NESTED, DESCENDING, (0.5, 0.6, 0.7), 10).tolist() == [0, 2, 3, 1, 0, 2, 3, 1, 0, 2]


def test_anchors_lie_around_the_first_pixel_of_their_cell() -> None:
    anchors = AnchorGenerator(DetectorConfig())(2, 3).reshape(2, 3, 12, 4)

    assert anchors[0, 0, 1].tolist() == [-32, -32, 32, 32]
    assert anchors[1, 2, 1].tolist() == [0, -16, 64, 48]
    assert anchors[0, 0, 10].tolist() == [-256, -256, 256, 256]
    assert anchors[0, 0, 0].tolist() == pytest.approx([-45.2548, -22.6274, 45.2548, 22.6274], abs=1e-4)


def test_boxes_move_by_shares_of_their_sides() -> None:
    boxes = torch.tensor([[0.0, 0.0, 10.0, 20.0]])
    moves = torch.tensor([[1.0, 0.5, 5 * 0.6931472, 0.0]])  # a tenth across, a twentieth down, twice as wide

    assert moved(boxes, moves, (10.0, 10.0, 5.0, 5.0))[0].tolist() == pytest.approx([-4, 1, 16, 21], abs=1e-4)


def test_boxes_grow_by_62_and_a_half_at_most() -> None:
    grown = moved(torch.tensor([[0.0, 0.0, 2.0, 2.0]]), torch.tensor([[0.0, 0.0, 99.0, 0.0]]), (1.0, 1.0, 1.0, 1.0))

    assert grown[0].tolist() == pytest.approx([-61.5, 0, 63.5, 2], abs=1e-3)


def test_boxes_are_cut_at_the_edges_of_the_picture() -> None:
    boxes = torch.tensor([[-5.0, -6.0, 70.0, 50.0], [61.0, 41.0, 62.0, 42.0], [1.0, 2.0, 3.0, 4.0]])

    assert clipped(boxes, 40, 60).tolist() == [[0, 0, 60, 40], [60, 40, 60, 40], [1, 2, 3, 4]]
