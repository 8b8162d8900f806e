"""Captions learnt and written by the engine for IPUs, seen through PopTorch's own Python layer."""

from dataclasses import replace
from pathlib import Path
from typing import Any, Callable, List

import numpy as np
import pytest
from podtune.tasks.image_captioning.captions import ImageCaptions
from podtune.tasks.image_captioning.objective import CaptionObjective
from podtune.tasks.image_captioning.settings import EvaluationSettings
from podtune.training.config import TrainingConfig
from podtune.training.engines import open_engine
from podtune.training.ipu import IpuConfig
from podtune.training.protocols import Engine

ALL = np.arange(6)
TWO = IpuConfig((2, 2), row_tokens=14, gradient_accumulation=3, micro_batch_size=2)
FOUR = IpuConfig((1, 1, 1, 1), row_tokens=14, gradient_accumulation=9)
"""Five stages: what writes tokens is back on the third IPU, with the decoder's embeddings."""

SHARDED = IpuConfig((1, 1, 1, 1), row_tokens=14, gradient_accumulation=3, replication_factor=2, execution="sharded")


@pytest.fixture
def open_on(poptorch_layer: Any, make_captioner: Callable[..., Path], tmp_path: Path) -> Callable[..., Engine]:
    """Open a model on a device, in float32 without dropout."""
    model = make_captioner(tmp_path, widths=(24, 16), positions=16)

    def opened(device: str, ipu: IpuConfig) -> Engine:
        settings = {"epochs": 1, "learning_rate": 1e-2, "epsilon": 1e-4, "precision": "float32", "dropout": 0.0}
        rows = ipu.rows_per_step
        config = TrainingConfig(batch_size=rows, ipu=ipu, **settings)  # type: ignore[arg-type]  # by name
        return open_engine(CaptionObjective(EvaluationSettings(beams=2, max_length=4)), model, config, device)

    return opened


def losses(engine: Engine, images: ImageCaptions, steps: int) -> List[float]:
    return [float(engine.steps(images, [ALL], step, 1e-2)[0].loss) for step in range(steps)]


@pytest.mark.parametrize("ipu", [TWO, FOUR, SHARDED], ids=["two", "four", "sharded"])
def test_losses_and_captions_are_the_torch_engines(
    open_on: Callable[..., Engine], images: ImageCaptions, ipu: IpuConfig
) -> None:
    pytest.importorskip("transformers", minversion="4.53", reason="the torch engine needs transformers 4.53")
    on_cpu, on_ipus = open_on("cpu", ipu), open_on("ipu", ipu)

    assert losses(on_ipus, images, 3) == pytest.approx(losses(on_cpu, images, 3), abs=1e-4)
    expected, found = on_cpu.outputs(images), on_ipus.outputs(images)
    assert found["generated"].tolist() == expected["generated"].tolist()
    assert found["loss_tokens"].tolist() == expected["loss_tokens"].tolist()
    assert found["loss_sum"] == pytest.approx(expected["loss_sum"], abs=1e-3)


@pytest.mark.parametrize("ipu", [FOUR, replace(SHARDED, gradient_accumulation=1)], ids=["pipelined", "sharded"])
def test_shared_weights_are_on_one_ipu_and_every_operator_is_known(
    open_on: Callable[..., Engine], images: ImageCaptions, poptorch_layer: Any, ipu: IpuConfig
) -> None:
    engine = open_on("ipu", ipu)

    engine.steps(images, [ALL[: ipu.rows_per_step]], 0, 1e-2)
    training = poptorch_layer.report()
    engine.outputs(images)
    predicting = poptorch_layer.report()

    assert training["parameters"] == [8472, 4144, 4976, 4432]
    assert training["losses"] == ["cross_entropy", "identity_loss"]
    for traced in (training, predicting):
        assert traced["shared"] == []
        assert traced["stages"] == 5
        assert traced["unsupported"] == {}
        assert traced["outside_block"] == 0
