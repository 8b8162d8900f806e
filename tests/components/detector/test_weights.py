import json
from pathlib import Path
from typing import Any, Callable, Dict

import pytest
import torch
from podtune.detector.detector import read_config, read_network
from podtune.detector.settings import DetectorConfig
from podtune.errors import BadInput
from podtune.sections import Mistakes
from safetensors.torch import load_file, save_file

WriteDetector = Callable[..., Path]
BIAS = "roi_heads.box_predictor.cls_score.bias"


def change(directory: Path, change: Callable[[Dict[str, Any]], Any]) -> None:
    weights = load_file(directory / "model.safetensors")
    change(weights)
    save_file(weights, directory / "model.safetensors")


def read(directory: Path) -> Any:
    return read_network(directory, read_config(directory))


def test_weights_are_read_as_they_are(write_detector: WriteDetector) -> None:
    directory = write_detector()

    tensors = read(directory).state_dict()

    written = load_file(directory / "model.safetensors")
    assert set(tensors) == set(written)
    assert all(torch.equal(tensors[name], written[name]) for name in written)


def test_half_precision_is_taken(write_detector: WriteDetector) -> None:
    directory = write_detector()
    change(directory, lambda weights: weights.update({BIAS: torch.tensor([1, 2, 3, 4, 5, 0.5]).half()}))

    assert read(directory).state_dict()[BIAS].tolist() == [1, 2, 3, 4, 5, 0.5]


def test_without_a_configuration_the_published_network_is_meant(tmp_path: Path) -> None:
    config = read_config(tmp_path)

    assert config == DetectorConfig()
    assert (config.shorter_side, config.longest_side, config.objects, config.attributes) == (800, 1333, 1600, 400)
    assert (config.proposals_considered, config.proposals, config.overlaps) == (6000, 300, (0.5, 0.6, 0.7))


@pytest.mark.parametrize(
    ("mistake", "message"),
    [
        (lambda weights: weights.pop(BIAS), f"lacks {BIAS}; it should have the detector's 136 tensors"),
        (
            lambda weights: [weights.pop(name) for name in sorted(weights)[9:]],
            "lacks backbone.stem.conv1.weight, backbone.stem.conv1.norm.weight, backbone.stem.conv1.norm.bias and 124"
            " more; it should have the detector's 136 tensors",
        ),
        (
            lambda weights: weights.update(extra=torch.zeros(1)),
            "has extra; it should have the detector's 136 tensors",
        ),
        (
            lambda weights: weights.update(extra=weights.pop(BIAS)),
            f"lacks {BIAS}, and has extra; it should have the detector's 136 tensors",
        ),
        (
            lambda weights: weights.update({BIAS: torch.zeros(7)}),
            f": {BIAS} must have the shape [6]; got [7]",
        ),
        (
            lambda weights: weights.update({BIAS: torch.zeros(6, dtype=torch.int64)}),
            f": {BIAS} must have numbers like torch.float32; got torch.int64",
        ),
        (lambda weights: weights[BIAS].fill_(float("nan")), f": {BIAS} holds a number that is not finite"),
    ],
)
def test_wrong_tensors_are_named(write_detector: WriteDetector, mistake: Any, message: str) -> None:
    directory = write_detector()
    change(directory, mistake)

    with pytest.raises(BadInput) as caught:
        read(directory)

    assert str(caught.value).replace(f"{directory}/model.safetensors", "").lstrip() == message


def test_a_damaged_file_is_named(write_detector: WriteDetector) -> None:
    directory = write_detector()
    whole = (directory / "model.safetensors").read_bytes()
    (directory / "model.safetensors").write_bytes(whole[:-1])

    with pytest.raises(BadInput, match=r"/model\.safetensors is cut off, damaged or no safetensors file: "):
        read(directory)


def test_pickled_weights_are_not_opened(tmp_path: Path) -> None:
    (tmp_path / "pytorch_model.bin").write_bytes(b"whatever")

    with pytest.raises(BadInput, match=r"has no model\.safetensors, a detector's weights$"):
        read_network(tmp_path, DetectorConfig(width=2, blocks=(1, 1, 1, 1)))


def test_a_configuration_is_read_strictly(tmp_path: Path) -> None:
    values = {"blocks": [3, 4, 6], "overlaps": [], "regions": 400, "depth": 50}
    (tmp_path / "config.json").write_text(json.dumps({**values}))
    with pytest.raises(Mistakes, match="depth is not a setting"):
        read_config(tmp_path)

    del values["depth"]
    (tmp_path / "config.json").write_text(json.dumps(values))
    with pytest.raises(Mistakes) as caught:
        read_config(tmp_path)

    assert [line.partition("config.json.")[2] for line in caught.value.lines] == [
        "blocks must have 4 values; got 3",
        "overlaps must have at least one value",
        "proposals must be at least regions 400; got 300",
    ]
