import json
import pickle
import zipfile
from pathlib import Path
from typing import Any, Callable, Dict

import pytest
import torch
from inputs.detector import SMALL, draw_weights
from podtune.detector.conversion import convert
from podtune.detector.detector import read_config, read_network
from podtune.detector.network import Network
from podtune.detector.settings import DetectorConfig
from podtune.errors import BadInput
from podtune.sections import to_mapping
from safetensors.torch import load_file

CONFIG = DetectorConfig(**SMALL)
Weights = Dict[str, torch.Tensor]


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """One with the configuration of a small network."""
    (tmp_path / "detector").mkdir()
    (tmp_path / "detector" / "config.json").write_text(json.dumps(to_mapping(CONFIG)))
    return tmp_path / "detector"


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Write a value as torch does, or bytes as they are."""

    def written(content: Any, **options: Any) -> Path:
        path = tmp_path / "faster_rcnn.pth"
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            torch.save(content, path, **options)
        return path

    return written


@pytest.mark.parametrize(
    "published",
    [
        lambda weights: weights,
        lambda weights: {"model": weights, "iteration": 9},
        lambda weights: {"state_dict": {f"module.{name}": tensor for name, tensor in weights.items()}},
    ],
)
def test_published_forms_become_what_is_read(
    published: Callable[[Weights], Any], directory: Path, write: Callable[..., Path]
) -> None:
    weights = draw_weights(CONFIG)

    written = convert(write(published(weights)), directory)

    assert written == directory / "model.safetensors"
    assert sorted(path.name for path in directory.iterdir()) == ["config.json", "model.safetensors"]
    converted = load_file(written)
    assert set(converted) == set(weights)
    assert all(torch.equal(converted[name], tensor) for name, tensor in weights.items())
    read_network(directory, read_config(directory))


def test_files_from_before_torch_1_6_are_read(directory: Path, write: Callable[..., Path]) -> None:
    file = write(draw_weights(CONFIG), _use_new_zipfile_serialization=False)

    assert convert(file, directory).is_file()


def test_without_a_configuration_the_published_network_is_meant(tmp_path: Path, write: Callable[..., Path]) -> None:
    with torch.device("meta"):
        shapes = {name: tensor.shape for name, tensor in Network(DetectorConfig()).state_dict().items()}
    number = torch.tensor(0.0)  # each tensor is this one, many times
    weights = {name: number.expand(shape) for name, shape in shapes.items()}
    weights["roi_heads.box_predictor.cls_score.bias"] = torch.zeros(1600)

    with pytest.raises(BadInput, match=r"cls_score\.bias must have the shape \[1601\]; got \[1600\]$"):
        convert(write({**weights, **counters(shapes)}), tmp_path / "new")

    assert len(shapes) == 640
    assert not (tmp_path / "new").exists()


def counters(names: Any) -> Weights:
    return {name: torch.tensor(0) for name in names if name.endswith("num_batches_tracked")}


def test_what_is_there_is_not_written_over(directory: Path, write: Callable[..., Path]) -> None:
    (directory / "model.safetensors").write_bytes(b"mine")

    with pytest.raises(BadInput, match=r"detector/model\.safetensors exists already; delete it, or choose another dir"):
        convert(write(draw_weights(CONFIG)), directory)

    assert (directory / "model.safetensors").read_bytes() == b"mine"


def renamed(weights: Weights) -> Weights:
    return {name.replace("roi_heads", "heads"): tensor for name, tensor in weights.items()}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            lambda: {},
            "lacks backbone.stem.conv1.weight, backbone.stem.conv1.norm.weight, backbone.stem.conv1.norm.bias",
        ),
        (
            lambda: renamed(draw_weights(CONFIG)),
            "has heads.box_predictor.attr_score.bias, heads.box_predictor.attr_score.weight, "
            "heads.box_predictor.bbox_pred.bias and ",
        ),
        (lambda: {"model": [torch.zeros(1)], "epoch": 7}, "holds model, epoch, which is no tensor; it should hold "),
        (lambda: torch.zeros(3), "holds a Tensor; it should hold tensors by name"),
        (lambda: {"model": Path("evil")}, "is not opened: it names pathlib"),
        (lambda: pickle.dumps({"model": Path("evil")}, protocol=2), "is not opened: it "),
        (
            lambda: b"\x80\x02 and no pickle",
            "is not opened: it is damaged, or holds more than tensors; ",
        ),
        (lambda: b"PK\x03\x04 and no zip", "is "),
        (lambda: b"no torch file", "is no torch file; it should be the detector's published pytorch_model.bin"),
        (lambda: b"", "is no torch file; "),
        (
            lambda: b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 262000000\n",
            "is a Git LFS pointer, not the file itself; fetch it with `git lfs pull`",
        ),
    ],
)
def test_other_files_are_refused_in_one_line(
    content: Callable[[], Any], message: str, directory: Path, write: Callable[..., Path]
) -> None:
    file = write(content())

    with pytest.raises(BadInput) as error:
        convert(file, directory)

    assert str(error.value).startswith(str(file))
    assert message in str(error.value)
    assert "\n" not in str(error.value)
    assert [path.name for path in directory.iterdir()] == ["config.json"]


def test_a_file_that_is_cut_off_is_refused(directory: Path, write: Callable[..., Path]) -> None:
    file = write(draw_weights(CONFIG))
    file.write_bytes(file.read_bytes()[:-1000])

    with pytest.raises(BadInput, match=r"faster_rcnn\.pth is cut off, damaged or no torch file: [^\n]+$"):
        convert(file, directory)


def test_another_zip_is_no_torch_file(tmp_path: Path, directory: Path) -> None:
    with zipfile.ZipFile(tmp_path / "images.zip", "w") as archive:
        archive.writestr("a.png", b"a")

    with pytest.raises(BadInput, match=r"images\.zip is cut off, damaged or no torch file: [^\n]+$"):
        convert(tmp_path / "images.zip", directory)


def test_a_missing_file_is_named(tmp_path: Path, directory: Path) -> None:
    with pytest.raises(BadInput, match=r"nothing\.pth is no file; it should be the detector's published pytorch_model"):
        convert(tmp_path / "nothing.pth", directory)
