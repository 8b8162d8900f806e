"""What every engine keeps to, whatever the device: to be run on each that this machine has."""

import math
from pathlib import Path
from typing import Callable, List

import numpy as np
import pytest
import torch
from podtune.errors import BadInput
from podtune.tasks.question_answering.objective import SpanObjective
from podtune.tasks.question_answering.task import TASK
from podtune.tasks.question_answering.windows import QuestionWindows
from podtune.training.config import TrainingConfig
from podtune.training.engines import ENGINES, open_engine
from podtune.training.ipu import IpuConfig
from podtune.training.protocols import Engine
from rounding import roundings
from transformers import AutoModelForQuestionAnswering

ALL = np.arange(8)
OpenEngine = Callable[..., Engine]

LOGITS = roundings(160)
"""Two layers of about 80 operations one after another, on values of about 1, as layer normalisation leaves them."""


IPU = IpuConfig((1, 1), row_tokens=40, packing=3, gradient_accumulation=4)


@pytest.fixture(params=["cpu", pytest.param("gpu", marks=pytest.mark.gpu), "ipu"])
def open_tiny(
    request: pytest.FixtureRequest, bert: Path, config: Callable[..., TrainingConfig]
) -> Callable[..., Engine]:
    """Open the tiny BERT on the device under test, in float32 without dropout except for the changes."""
    if request.param == "gpu" and not torch.cuda.is_available():
        pytest.skip("needs an NVIDIA GPU; run `pytest -m gpu` on a machine with one")
    if request.param == "cpu":
        pytest.importorskip("transformers", minversion="4.53", reason="the torch engine needs transformers 4.53")
    if request.param == "ipu":
        request.getfixturevalue("poptorch_layer")

    def opened(model: Path = bert, **changes: object) -> Engine:
        return open_engine(SpanObjective(), model, config(**{"ipu": IPU, **changes}), request.param)

    return opened


def losses(engine: Engine, windows: QuestionWindows, steps: range, rate: float = 1e-2) -> List[float]:
    return [float(engine.steps(windows, [ALL], step, rate)[0].loss) for step in steps]


def test_every_engine_of_the_table_is_under_test() -> None:
    assert set(ENGINES) == {"cpu", "gpu", "ipu"}


@pytest.mark.parametrize("model_type", TASK.ipu_model_types)
def test_every_row_comes_back_in_order_as_transformers_computes_it_padded(
    open_tiny: OpenEngine,
    windows: QuestionWindows,
    padded: Callable[..., "tuple[torch.Tensor, ...]"],
    model_of: Callable[[str], Path],
    model_type: str,
) -> None:
    model = model_of(model_type)
    reference = AutoModelForQuestionAnswering.from_pretrained(model).eval()
    tokens, segments, mask = padded(range(8), reference.config.pad_token_id)
    kinds = {"token_type_ids": segments} if model_type in ("bert", "electra") else {}
    with torch.no_grad():
        expected = reference(input_ids=tokens, attention_mask=mask, **kinds)

    found = open_tiny(model=model).outputs(windows)

    assert sorted(found) == ["end_logits", "start_logits"]
    for stream, array in found.items():
        assert array.dtype == np.float32
        assert array == pytest.approx(expected[stream][mask.bool()].numpy(), abs=LOGITS)


def test_outputs_do_not_depend_on_how_rows_are_put_together(open_tiny: OpenEngine, windows: QuestionWindows) -> None:
    one_by_one = open_tiny(micro_batch_tokens=1).outputs(windows)

    all_at_once = open_tiny().outputs(windows)

    for name, array in all_at_once.items():
        assert array == pytest.approx(one_by_one[name], abs=LOGITS)


def test_a_step_returns_the_mean_loss_of_its_rows(open_tiny: OpenEngine, windows: QuestionWindows) -> None:
    engine = open_tiny()
    logits = engine.outputs(windows)

    result = engine.steps(windows, [ALL], 0, 1e-2)[0]

    expected = np.mean([_loss(windows, logits, row) for row in range(8)])
    assert float(result.loss) == pytest.approx(expected, abs=LOGITS)


def _loss(windows: QuestionWindows, logits: "dict[str, np.ndarray]", row: int) -> float:
    part = slice(windows.tokens.offsets[row], windows.tokens.offsets[row + 1])
    pairs = (("start_logits", windows.answer_start[row]), ("end_logits", windows.answer_end[row]))
    return sum(math.log(np.exp(logits[name][part]).sum()) - logits[name][part][target] for name, target in pairs) / 2


def test_a_rate_of_zero_changes_nothing(open_tiny: OpenEngine, windows: QuestionWindows) -> None:
    engine = open_tiny()
    before = engine.outputs(windows)

    engine.steps(windows, [ALL], 0, 0.0)[0]

    assert np.array_equal(engine.outputs(windows)["end_logits"], before["end_logits"])


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_training_learns(open_tiny: OpenEngine, windows: QuestionWindows, precision: str) -> None:
    engine = open_tiny(precision=precision, dropout=0.1)

    found = losses(engine, windows, range(25))

    assert found[0] > 2.0
    assert found[-1] < 0.5


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_continued_run_equals_an_undisturbed_one(
    open_tiny: OpenEngine, windows: QuestionWindows, tmp_path: Path, precision: str
) -> None:
    undisturbed, first, second = (open_tiny(precision=precision, dropout=0.1) for _ in range(3))
    expected = losses(undisturbed, windows, range(5))

    before = losses(first, windows, range(2))
    first.copy_state()(tmp_path / "state")
    second.load_state(tmp_path / "state")
    after = losses(second, windows, range(2, 5))

    assert before + after == expected


def test_a_state_of_another_model_is_refused(
    open_tiny: OpenEngine, roberta: Path, windows: QuestionWindows, tmp_path: Path
) -> None:
    open_tiny(model=roberta).copy_state()(tmp_path)

    with pytest.raises(BadInput, match="belongs to another model; start from an empty workspace"):
        open_tiny().load_state(tmp_path)


def test_a_saved_model_is_one_of_transformers(
    open_tiny: OpenEngine, windows: QuestionWindows, tmp_path: Path, padded: Callable[..., "tuple[torch.Tensor, ...]"]
) -> None:
    engine = open_tiny(precision="bfloat16")
    losses(engine, windows, range(2))

    engine.save_model(tmp_path / "model")

    saved = AutoModelForQuestionAnswering.from_pretrained(tmp_path / "model")
    tokens, segments, mask = padded(range(8), 0)
    found = saved(input_ids=tokens, token_type_ids=segments, attention_mask=mask).start_logits[mask.bool()]
    assert sorted(path.name for path in (tmp_path / "model").iterdir()) == ["config.json", "model.safetensors"]
    assert saved.dtype == torch.float32
    assert found.detach().numpy() == pytest.approx(engine.outputs(windows)["start_logits"], abs=0.05)


def test_a_row_longer_than_the_model_is_refused(
    open_tiny: OpenEngine, make: Callable[..., QuestionWindows], tmp_path: Path
) -> None:
    with pytest.raises(BadInput, match=r"40.*; a row of the features has 41"):
        open_tiny().steps(make(tmp_path, [41]), [np.array([0])], 0, 1e-2)


def test_one_process_is_the_first_and_agrees_with_itself(open_tiny: OpenEngine) -> None:
    engine = open_tiny()

    assert engine.first
    assert engine.in_any(True)
    assert not engine.in_any(False)
    assert engine.from_first(7) == 7
