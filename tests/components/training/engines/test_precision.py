import logging
import time
from pathlib import Path
from typing import Any, Callable

import numpy as np
import pytest
import torch
from podtune.tasks.question_answering.objective import SpanObjective
from podtune.tasks.question_answering.windows import QuestionWindows
from podtune.training.config import TrainingConfig
from podtune.training.engines import precision, torch_engine
from podtune.training.engines.precision import Times, faster, measured_precision, time_block
from podtune.training.engines.torch_engine import open_engine
from transformers import BertConfig, DistilBertConfig, GPT2Config, VisionEncoderDecoderConfig, ViTConfig

MakeConfig = Callable[..., TrainingConfig]

SMALL = BertConfig(hidden_size=16, num_attention_heads=2, intermediate_size=32)
ROWS = np.arange(8)


@pytest.mark.parametrize(
    ("times", "taken"),
    [
        (Times(float32=1.0, bfloat16=2.0), torch.float32),
        (Times(float32=1.0, bfloat16=1.0), torch.float32),
        (Times(float32=1.14, bfloat16=1.0), torch.float32),
        (Times(float32=1.15, bfloat16=1.0), torch.bfloat16),
        (Times(float32=3.0, bfloat16=1.0), torch.bfloat16),
    ],
)
def test_bfloat16_has_to_be_clearly_faster(times: Times, taken: torch.dtype) -> None:
    assert faster(times) == taken


@pytest.mark.parametrize(
    "architecture",
    [
        SMALL,
        DistilBertConfig(dim=16, n_heads=2, hidden_dim=32),
        VisionEncoderDecoderConfig.from_encoder_decoder_configs(ViTConfig(), GPT2Config(n_embd=16, n_head=2)),
    ],
    ids=["bert", "distilbert", "captions"],
)
def test_a_layer_of_any_model_is_timed_within_a_second(architecture: Any) -> None:
    began = time.process_time()

    times = time_block(architecture, 64)

    assert min(times) > 0
    assert time.process_time() - began < 1


def test_measuring_leaves_torchs_generator_alone() -> None:
    torch.manual_seed(1)
    expected = torch.rand(1)
    torch.manual_seed(1)

    time_block(SMALL, 8)

    assert torch.equal(torch.rand(1), expected)


def test_the_choice_is_logged_with_both_times(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(precision, "multiplies_bfloat16", lambda: True)
    monkeypatch.setattr(precision, "time_block", lambda architecture, tokens: Times(0.004, 0.002))

    with caplog.at_level(logging.INFO):
        assert measured_precision(SMALL, 4096) == torch.bfloat16

    assert caplog.messages == [
        "computing in bfloat16: a layer takes 4.00 ms in float32 and 2.00 ms in bfloat16 (processor time, 256 tokens "
        "forward and backward); bfloat16 has to be 1.15 times as fast"
    ]


def test_a_cpu_without_the_instructions_is_not_measured(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(precision, "multiplies_bfloat16", lambda: False)
    monkeypatch.delattr(precision, "time_block")

    with caplog.at_level(logging.INFO):
        assert measured_precision(SMALL, 4096) == torch.float32

    assert caplog.messages == ["computing in float32: this CPU has no instructions for bfloat16"]


@pytest.fixture
def measuring(monkeypatch: pytest.MonkeyPatch) -> Callable[[torch.dtype], None]:
    """Make a function that says what the next measurement finds."""

    def finds(found: torch.dtype) -> None:
        monkeypatch.setattr(torch_engine, "measured_precision", lambda architecture, tokens: found)

    monkeypatch.setattr(precision, "multiplies_bfloat16", lambda: True)
    return finds


def weights_after(engine: Any, windows: QuestionWindows, steps: int, directory: Path) -> bytes:
    for step in range(steps):
        engine.steps(windows, [ROWS], step, 1e-2)
    engine.save_model(directory)
    return (directory / "model.safetensors").read_bytes()


@pytest.mark.parametrize("found", [torch.bfloat16, torch.float32], ids=["bfloat16", "float32"])
def test_what_is_measured_trains_as_what_is_named(
    bert: Path,
    windows: QuestionWindows,
    config: MakeConfig,
    tmp_path: Path,
    measuring: Callable[[torch.dtype], None],
    found: torch.dtype,
) -> None:
    measuring(found)
    name = str(found)[len("torch.") :]
    named = open_engine(SpanObjective(), bert, config(precision=name, dropout=0.1), "cpu")
    measured = open_engine(SpanObjective(), bert, config(precision="auto", dropout=0.1), "cpu")

    same = weights_after(measured, windows, 2, tmp_path / "b") == weights_after(named, windows, 2, tmp_path / "a")

    assert (measured.precision, same) == (name, True)


def test_a_run_goes_on_in_the_precision_that_it_began_with(
    bert: Path, windows: QuestionWindows, config: MakeConfig, tmp_path: Path, measuring: Callable[[torch.dtype], None]
) -> None:
    measuring(torch.bfloat16)
    began = open_engine(SpanObjective(), bert, config(precision="auto"), "cpu")
    began.steps(windows, [ROWS], 0, 1e-2)
    began.copy_state()(tmp_path / "state")
    measuring(torch.float32)

    later = open_engine(SpanObjective(), bert, config(precision="auto"), "cpu")
    later.load_state(tmp_path / "state")

    assert weights_after(later, windows, 1, tmp_path / "b") == weights_after(began, windows, 1, tmp_path / "a")
    assert later.precision == "bfloat16"


def test_a_cpu_that_cannot_go_on_as_the_run_began_says_so(
    bert: Path,
    windows: QuestionWindows,
    config: MakeConfig,
    tmp_path: Path,
    measuring: Callable[[torch.dtype], None],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    measuring(torch.bfloat16)
    began = open_engine(SpanObjective(), bert, config(precision="auto"), "cpu")
    began.steps(windows, [ROWS], 0, 1e-2)
    began.copy_state()(tmp_path)
    monkeypatch.setattr(precision, "multiplies_bfloat16", lambda: False)

    later = open_engine(SpanObjective(), bert, config(precision="auto"), "cpu")
    later.load_state(tmp_path)
    later.steps(windows, [ROWS], 1, 1e-2)

    assert later.precision == "float32"
    assert "this run began in bfloat16, which this cpu does not multiply, and goes on in float32" in caplog.text


def test_all_processes_take_what_the_first_one_measured(
    bert: Path, windows: QuestionWindows, config: MakeConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(torch_engine, "measured_precision")
    second = open_engine(SpanObjective(), bert, config(precision="auto"), "cpu")
    second.first, second.from_first = False, lambda number: 1  # type: ignore[method-assign]  # as the first one says

    second.steps(windows, [ROWS], 0, 1e-2)

    assert second.precision == "bfloat16"


def test_nothing_is_measured_to_predict(
    bert: Path, windows: QuestionWindows, config: MakeConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(torch_engine, "measured_precision")
    engine = open_engine(SpanObjective(), bert, config(precision="auto"), "cpu")

    engine.outputs(windows)

    assert engine.precision == "float32"
