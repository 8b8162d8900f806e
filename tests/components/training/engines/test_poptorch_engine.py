"""What the engine for IPUs does beyond the contract of all engines, seen through PopTorch's own Python layer."""

from dataclasses import replace
from pathlib import Path
from typing import Any, Callable, List

import numpy as np
import pytest
import torch
from podtune.errors import BadInput, TryAgainLater
from podtune.tasks.question_answering.objective import SpanObjective
from podtune.tasks.question_answering.task import TASK
from podtune.tasks.question_answering.windows import QuestionWindows
from podtune.training.config import TrainingConfig
from podtune.training.engines import open_engine
from podtune.training.ipu import IpuConfig
from podtune.training.protocols import Engine

ALL = np.arange(8)
PADDED = IpuConfig((1, 1), row_tokens=40, gradient_accumulation=4, replication_factor=2)
PACKED = IpuConfig((1, 1), row_tokens=40, packing=3, gradient_accumulation=4)
SHARDED = IpuConfig((1, 1), row_tokens=40, micro_batch_size=8, gradient_accumulation=1, execution="sharded")
Open = Callable[..., Any]


@pytest.fixture
def open_on(poptorch_layer: Any, bert: Path, config: Callable[..., TrainingConfig]) -> Open:
    """Open the tiny BERT on a device, in float32 without dropout except for the changes."""

    def opened(device: str = "ipu", model: Path = bert, **changes: Any) -> Engine:
        if device == "cpu":
            pytest.importorskip("transformers", minversion="4.53", reason="the torch engine needs transformers 4.53")
        return open_engine(SpanObjective(), model, config(**{"ipu": PADDED, **changes}), device)

    return opened


def losses(engine: Engine, windows: QuestionWindows, steps: int, rows: np.ndarray = ALL) -> List[float]:
    return [float(engine.steps(windows, [rows], step, 1e-2)[0].loss) for step in range(steps)]


@pytest.mark.parametrize("ipu", [PADDED, PACKED, SHARDED, replace(PADDED, embedding_serialization_factor=3)])
@pytest.mark.parametrize("model", TASK.ipu_model_types)
def test_losses_and_predictions_are_the_torch_engines(
    open_on: Open, windows: QuestionWindows, model_of: Callable[[str], Path], model: str, ipu: IpuConfig
) -> None:
    directory = model_of(model)
    on_cpu, on_ipus = open_on("cpu", directory), open_on("ipu", directory, ipu=ipu)

    assert losses(on_ipus, windows, 4) == pytest.approx(losses(on_cpu, windows, 4), abs=1e-4)
    expected = on_cpu.outputs(windows)
    for name, array in on_ipus.outputs(windows).items():
        assert array == pytest.approx(expected[name], abs=1e-4)


def test_gradients_are_clipped_as_the_torch_engine_clips_them(open_on: Open, windows: QuestionWindows) -> None:
    on_cpu, on_ipus = (open_on(device, max_gradient_norm=0.1) for device in ("cpu", "ipu"))

    assert losses(on_ipus, windows, 4) == pytest.approx(losses(on_cpu, windows, 4), abs=1e-4)


def test_a_smaller_last_batch_weighs_as_much_as_a_whole_one(open_on: Open, windows: QuestionWindows) -> None:
    on_cpu, on_ipus = open_on("cpu"), open_on("ipu")
    three = np.array([4, 0, 6])

    assert losses(on_ipus, windows, 3, three) == pytest.approx(losses(on_cpu, windows, 3, three), abs=1e-4)


def test_the_steps_of_one_call_are_steps_of_their_own(open_on: Open, windows: QuestionWindows) -> None:
    single, double = open_on(), open_on(device_iterations=2)

    found = [float(result.loss) for result in double.steps(windows, [ALL, ALL], 0, 1e-2)]

    assert found == pytest.approx(losses(single, windows, 2), abs=1e-6)
    assert found[1] < found[0]


def test_the_first_step_has_its_own_learning_rate(open_on: Open, windows: QuestionWindows) -> None:
    engine = open_on(learning_rate=1.0)

    first = engine.steps(windows, [ALL], 0, 0.0)[0]
    second = engine.steps(windows, [ALL], 1, 0.0)[0]

    assert float(first.loss) == float(second.loss)


def test_an_evaluation_on_the_way_changes_nothing(open_on: Open, windows: QuestionWindows) -> None:
    undisturbed, evaluated = open_on(), open_on()

    expected = losses(undisturbed, windows, 4)
    before = losses(evaluated, windows, 2)
    evaluated.outputs(windows)

    assert before + losses(evaluated, windows, 2) == pytest.approx(expected, abs=1e-6)


def test_ipus_do_not_report_the_gradients_norm(open_on: Open, windows: QuestionWindows) -> None:
    assert open_on().steps(windows, [ALL], 0, 1e-2)[0].gradient_norm is None


def test_every_layers_output_is_kept_for_the_backward_pass(
    open_on: Open, windows: QuestionWindows, poptorch_layer: Any
) -> None:
    kept = {}
    for every_layer in (True, False):
        losses(open_on(ipu=replace(PADDED, recompute_checkpoint_every_layer=every_layer)), windows, 1)
        kept[every_layer] = poptorch_layer.report()["checkpoints"]

    assert kept == {True: 3, False: 0}  # the embeddings' and the two layers'


def test_a_run_says_which_ipus_it_has(open_on: Open) -> None:
    engine = open_on(precision="bfloat16")

    assert engine.precision == "float16"
    assert engine.devices == ("Graphcore IPU (Mk2)",) * 4


def test_weights_are_float16_and_saved_as_float32(open_on: Open, windows: QuestionWindows, tmp_path: Path) -> None:
    from safetensors.torch import load_file

    engine = open_on(precision="bfloat16")
    losses(engine, windows, 1)

    engine.copy_state()(tmp_path / "state")
    engine.save_model(tmp_path / "model")

    name = "qa_outputs.weight"
    state, saved = (
        load_file(tmp_path / "state" / "optimizer.safetensors"),
        load_file(tmp_path / "model" / "model.safetensors"),
    )
    assert state[f"weights/{name}"].dtype == torch.float16
    assert saved[name].dtype == torch.float32
    assert torch.equal(saved[name], state[f"weights/{name}"].float())


def test_without_ipus_it_is_worth_trying_again(
    open_on: Open, poptorch_layer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(poptorch_layer, "hardware_version", 0)

    with pytest.raises(TryAgainLater, match="4 IPUs are not available to this process"):
        open_on()


def test_a_batch_that_does_not_fit_is_refused_before_anything_is_compiled(
    open_on: Open, windows: QuestionWindows
) -> None:
    engine = open_on(ipu=replace(PACKED, gradient_accumulation=3))

    with pytest.raises(BadInput, match=r"windows takes 4 rows, and an optimizer step has 3; .* to at least 4"):
        losses(engine, windows, 1)

    assert not engine._training.isCompiled()


def test_what_poptorch_refuses_is_one_line(
    open_on: Open, windows: QuestionWindows, poptorch_layer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import poptorch
    from podtune.errors import PodtuneError

    def refuse(*_: Any) -> None:
        raise poptorch.Error("Out of memory on tile 0:\n  700000 bytes used")

    monkeypatch.setattr(poptorch_layer, "compileWithManualTracing", refuse)

    with pytest.raises(PodtuneError, match=r"cannot run the model: Out of memory on tile 0: 700000 bytes used; lower"):
        losses(open_on(), windows, 1)


@pytest.mark.parametrize(
    ("kind", "message"), [("RecoverableError", "need a IPU_RESET"), ("UnrecoverableError", "look at")]
)
def test_ipus_that_fail_are_worth_trying_again(
    open_on: Open,
    windows: QuestionWindows,
    poptorch_layer: Any,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    message: str,
) -> None:
    import poptorch

    engine = open_on()
    losses(engine, windows, 1)

    def fail(*_: Any) -> None:
        raise getattr(poptorch, kind)("link down")

    monkeypatch.setattr(poptorch_layer, "execute", fail)

    with pytest.raises(TryAgainLater, match=f"{message}.*: link down"):
        losses(engine, windows, 1)
