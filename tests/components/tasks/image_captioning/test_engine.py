"""The engine with a decoder: what holds for other models holds for a stream of captions that attends to images."""

from pathlib import Path
from typing import Dict

import numpy as np
import pytest
import torch
from podtune.tasks.image_captioning.captions import ImageCaptions
from podtune.tasks.image_captioning.objective import CaptionObjective
from podtune.training.config import TrainingConfig
from podtune.training.engines.torch_engine import TorchEngine, open_engine
from rounding import roundings
from safetensors.torch import load_file
from transformers import VisionEncoderDecoderModel

ALL = np.arange(6)


def opened(model: Path, **changes: object) -> TorchEngine:
    settings = {"epochs": 1, "batch_size": 6, "learning_rate": 1e-2, "epsilon": 1e-4, "precision": "float32", **changes}
    return open_engine(CaptionObjective(), model, TrainingConfig(**settings), "cpu")  # type: ignore[arg-type]  # by name


def trained(engine: TorchEngine, images: ImageCaptions, directory: Path) -> Dict[str, torch.Tensor]:
    for step in range(3):
        engine.steps(images, [ALL], step, 1e-2)[0]
    engine.save_model(directory)
    return load_file(directory / "model.safetensors")


def test_neither_dropout_nor_the_result_depends_on_micro_batches(
    captioner: Path, images: ImageCaptions, tmp_path: Path
) -> None:
    alone = trained(opened(captioner, dropout=0.2, micro_batch_tokens=1), images, tmp_path / "alone")

    together = trained(opened(captioner, dropout=0.2), images, tmp_path / "together")

    # A thousandth of the learning rate, as test_torch_engine explains
    for name, weight in together.items():
        torch.testing.assert_close(weight, alone[name], rtol=0, atol=1e-3 * 1e-2)


def test_outputs_do_not_depend_on_micro_batches(captioner: Path, images: ImageCaptions) -> None:
    alone = opened(captioner, micro_batch_tokens=1).outputs(images)

    together = opened(captioner).outputs(images)

    assert together["generated"].tolist() == alone["generated"].tolist()
    assert together["loss_tokens"].tolist() == [4, 14, 12, 6, 4, 13]
    assert together["loss_sum"] == pytest.approx(alone["loss_sum"], rel=roundings(160))


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_captions_are_learnt(captioner: Path, images: ImageCaptions, precision: str) -> None:
    engine = opened(captioner, precision=precision, dropout=0.0)
    one = np.array([0, 3, 4])  # images with a single caption

    found = [float(engine.steps(images, [one], step, 5e-3)[0].loss) for step in range(60)]

    assert found[0] > 2.0
    assert found[-1] < 0.1
    generated = engine.outputs(images)["generated"]
    for row, caption in ((0, 0), (3, 6), (4, 7)):
        tokens = images.tokens.row(caption).tolist()
        assert generated[row].tolist() == tokens + [0] * (12 - len(tokens))


def test_a_saved_model_is_one_of_transformers_under_the_published_names(
    captioner: Path, images: ImageCaptions, tmp_path: Path
) -> None:
    engine = opened(captioner)

    weights = trained(engine, images, tmp_path)

    saved = VisionEncoderDecoderModel.from_pretrained(tmp_path).eval()
    pixels = (torch.tensor(images.images).permute(0, 3, 1, 2) / 255 - 0.5) / 0.5
    written = saved.generate(pixels, num_beams=4, max_new_tokens=12)[:, 1:]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["config.json", "model.safetensors"]
    assert written.tolist() == engine.outputs(images)["generated"][:, : written.shape[1]].tolist()
    assert weights.keys() == load_file(captioner / "model.safetensors").keys()
    assert "encoder.encoder.layer.0.attention.attention.query.weight" in weights
