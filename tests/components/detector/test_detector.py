from pathlib import Path
from typing import Any, Callable

import numpy as np
import pytest
import torch
from PIL import Image
from podtune.detector.detector import Regions, open_detector
from podtune.detector.pictures import open_picture
from podtune.errors import BadInput
from safetensors.torch import load_file, save_file

WriteDetector = Callable[..., Path]
Draw = Callable[..., Image.Image]
DrawFile = Callable[..., bytes]


def test_36_regions_come_out(write_detector: WriteDetector, picture: Draw) -> None:
    regions = open_detector(write_detector()).describe(picture(60, 40))

    shapes = {name: (array.dtype.name, array.shape) for name, array in vars(regions).items()}
    assert shapes == {
        "features": ("float32", (36, 128)),
        "boxes": ("float32", (36, 4)),
        "objects": ("int64", (36,)),
        "object_confidences": ("float32", (36,)),
    }


def test_what_comes_out_is_within_its_limits(write_detector: WriteDetector, picture: Draw) -> None:
    regions = open_detector(write_detector()).describe(picture(60, 40))

    assert regions.boxes.min() >= 0
    assert regions.boxes.max() <= 1
    assert (regions.boxes[:, :2] <= regions.boxes[:, 2:]).all()
    assert set(regions.objects) <= set(range(5))
    assert (regions.features >= 0).all()
    assert different(regions) == 36


def test_pictures_of_different_sizes_do_not_change_each_other(
    write_detector: WriteDetector, picture_file: DrawFile
) -> None:
    detector = open_detector(write_detector())
    pictures = [open_picture(picture_file(*size), "photo") for size in ((90, 30, 1), (30, 70, 2), (64, 64, 3))]

    together = [detector.describe(picture) for picture in pictures]

    for picture, regions in zip(pictures, together):
        for name, values in vars(detector.describe(picture)).items():
            assert np.array_equal(getattr(regions, name), values)


def test_boxes_are_shares_of_width_and_height(write_detector: WriteDetector, picture: Draw) -> None:
    """Every box grows until it is the picture; so none but the first survives either, and the others fill up."""
    directory = write_detector()
    change(directory, "proposal_generator.rpn_head.anchor_deltas", weight=0.0, bias=5.0)
    change(directory, "roi_heads.box_predictor.bbox_pred", weight=0.0, bias=50.0)

    regions = open_detector(directory).describe(picture(60, 40))

    assert regions.boxes.tolist() == [[0, 0, 1, 1]] * 36


def change(directory: Path, layer: str, **values: float) -> None:
    """Set all numbers of a layer's tensors."""
    weights: Any = load_file(directory / "model.safetensors")
    for name, value in values.items():
        weights[f"{layer}.{name}"].fill_(value)
    save_file(weights, directory / "model.safetensors")


def test_regions_of_which_too_few_survive_are_followed_by_the_best_others(
    write_detector: WriteDetector, picture: Draw
) -> None:
    regions = open_detector(write_detector(overlaps=(0.05, 0.1))).describe(picture(60, 40))

    confidences = regions.object_confidences
    drops = np.flatnonzero(np.diff(confidences) > 0)
    assert len(confidences) == 36
    assert len(drops) == 1  # where the survivors end and the others begin
    assert 1 <= drops[0] < 34
    assert different(regions) == 36


def different(regions: Regions) -> int:
    """How many of the regions are not the same as another."""
    return len(np.unique(np.concatenate([regions.features, regions.boxes], axis=1), axis=0))


def test_a_picture_with_fewer_cells_than_regions_has_them_several_times(
    write_detector: WriteDetector, picture: Draw
) -> None:
    regions = open_detector(write_detector(shorter_side=16, longest_side=16)).describe(picture(20, 20))

    assert regions.boxes.shape == (36, 4)
    found = different(regions)
    assert 1 <= found <= 6
    assert np.array_equal(regions.boxes[found:], regions.boxes[:-found])


def test_blue_comes_first_unless_the_configuration_says_otherwise(
    tmp_path: Path, write_detector: WriteDetector, picture: Draw
) -> None:
    directory = write_detector()
    blue_first = open_detector(directory)
    config = (directory / "config.json").read_text()
    (directory / "config.json").write_text(config.replace('"BGR"', '"RGB"'))
    red_first = open_detector(directory)
    image = picture(60, 40)
    swapped = Image.fromarray(np.asarray(image)[:, :, ::-1].copy())

    assert np.array_equal(blue_first.describe(image).features, red_first.describe(swapped).features)
    assert not np.array_equal(blue_first.describe(image).features, red_first.describe(image).features)


def test_senseless_weights_are_named(write_detector: WriteDetector, picture: Draw) -> None:
    directory = write_detector()
    change(directory, "proposal_generator.rpn_head.anchor_deltas", bias=1e6)

    with pytest.raises(BadInput, match=r"^the detector finds no region at all; its weights cannot be those of a tr"):
        open_detector(directory).describe(picture(60, 40))


@pytest.mark.skipif(torch.cuda.is_available(), reason="a machine without a GPU runs it")
def test_a_gpu_that_is_absent_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="device is gpu, but torch sees no GPU here; use cpu"):
        open_detector(tmp_path, "gpu")


@pytest.mark.gpu
def test_a_gpu_sees_what_a_cpu_sees(write_detector: WriteDetector, picture: Draw) -> None:
    if not torch.cuda.is_available():
        pytest.skip("needs an NVIDIA GPU; run `pytest -m gpu` on a machine with one")
    directory = write_detector()

    here, there = (open_detector(directory, device).describe(picture(60, 40)) for device in ("cpu", "gpu"))

    assert np.abs(here.boxes - there.boxes).max() < 0.01
    assert np.abs(here.features - there.features).max() < 0.01
