from typing import Any, List

import numpy as np
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper
from podtune.detector.network import pool_regions


def by_onnxruntime(features: Any, boxes: Any, scale: float, cells: int) -> Any:
    graph = helper.make_graph(
        [helper.make_node("MaxRoiPool", ["x", "rois"], ["y"], pooled_shape=[cells, cells], spatial_scale=scale)],
        "pooling",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in ("x", "rois")],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 9)], ir_version=8)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    numbered = np.concatenate([np.zeros((len(boxes), 1), np.float32), boxes], axis=1)
    return session.run(None, {"x": features[None], "rois": numbered})[0]


def assert_equal_to_onnxruntime(features: Any, boxes: Any, cells: int) -> None:
    pooled = pool_regions(torch.from_numpy(features), torch.from_numpy(boxes), 1 / 16, cells)

    assert np.array_equal(pooled.numpy(), by_onnxruntime(features, boxes, 1 / 16, cells))


@pytest.mark.parametrize(("height", "width", "cells"), [(50, 67, 14), (7, 83, 14), (3, 2, 5)])
def test_random_regions_are_pooled_as_by_onnxruntime(height: int, width: int, cells: int) -> None:
    random = np.random.default_rng(height)
    features = random.standard_normal((8, height, width), dtype=np.float32)
    limits = np.array([width, height], dtype=np.float32) * 16
    ends = np.sort(random.random((200, 2, 2), dtype=np.float32) * limits, axis=1)

    assert_equal_to_onnxruntime(features, ends.reshape(200, 4), cells)


AWKWARD: List[List[float]] = [
    [8, 8, 24, 24],  # halves
    [24, 40, 56, 72],
    [0, 0, 0, 0],
    [159.999, 159.999, 160, 160],  # the last pixel, half a place outside
    [152, 0, 160, 160],
    [168, 168, 200, 200],  # wholly outside
    [-40, -8, 8, 8],  # before the first place, rounded away from zero
    [100, 100, 20, 20],  # inside out
    [0, 0, 160, 160],
]


def test_awkward_regions_are_pooled_as_by_onnxruntime() -> None:
    features = np.random.default_rng(0).standard_normal((4, 10, 10), dtype=np.float32)

    assert_equal_to_onnxruntime(features, np.array(AWKWARD, dtype=np.float32), 14)


def test_the_greatest_value_of_each_cell_comes_out() -> None:
    features = torch.arange(16, dtype=torch.float32).reshape(1, 4, 4)

    pooled = pool_regions(features, torch.tensor([[0.0, 0.0, 48.0, 48.0]]), 1 / 16, 2)

    assert pooled.tolist() == [[[[5.0, 7.0], [13.0, 15.0]]]]
