import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Callable, List, Tuple

import numpy as np
import pytest
import torch
from podtune.errors import BadInput
from podtune.tasks.question_answering.model_types import MODEL_TYPES
from podtune.tasks.question_answering.objective import SpanObjective
from podtune.tasks.question_answering.windows import QuestionWindows
from podtune.training.config import TrainingConfig
from podtune.training.engines.torch_engine import TorchEngine, open_engine
from rounding import roundings
from safetensors.torch import load_file
from transformers import AutoModelForQuestionAnswering

ALL = np.arange(8)
MakeConfig = Callable[..., TrainingConfig]
ModelOf = Callable[[str], Path]
Pad = Callable[..., Tuple[torch.Tensor, ...]]

WEIGHTS = 1e-3 * 1e-2
"""A thousandth of a step: AdamW divides a gradient by its size and epsilon, 1e-4, so that two roundings of a gradient
that is zero but for them, 1e-7, become so much of the learning rate, 1e-2."""


def trained(engine: TorchEngine, windows: QuestionWindows, directory: Path) -> "dict[str, torch.Tensor]":
    for step in range(3):
        engine.steps(windows, [ALL], step, 1e-2)[0]
    engine.save_model(directory)
    return load_file(directory / "model.safetensors")


@pytest.mark.parametrize("model_type", MODEL_TYPES)
def test_logits_are_those_of_padded_rows(
    model_of: ModelOf, windows: QuestionWindows, config: MakeConfig, padded: Pad, model_type: str
) -> None:
    model = model_of(model_type)
    reference = AutoModelForQuestionAnswering.from_pretrained(model).eval()
    with torch.no_grad():
        expected, mask = _padded_logits(reference, padded)

    found = open_engine(SpanObjective(), model, config(), "cpu").outputs(windows)

    for name, array in found.items():
        assert array == pytest.approx(expected[name][mask.bool()].numpy(), abs=roundings(160))


@pytest.mark.parametrize("model_type", MODEL_TYPES)
def test_the_loss_curve_is_that_of_padded_rows(
    model_of: ModelOf, windows: QuestionWindows, config: MakeConfig, padded: Pad, model_type: str
) -> None:
    model = model_of(model_type)
    reference = AutoModelForQuestionAnswering.from_pretrained(model)
    optimizer = torch.optim.AdamW(reference.parameters(), lr=1e-2, eps=1e-4, weight_decay=0.0)
    expected = [_padded_step(reference, optimizer, windows, padded)[0] for _ in range(12)]

    engine = open_engine(SpanObjective(), model, config(max_gradient_norm=0.5, weight_decay=0.0), "cpu")
    found = [float(engine.steps(windows, [ALL], step, 1e-2)[0].loss) for step in range(12)]

    assert found == pytest.approx(expected, abs=1e-4)  # as benchmarks/loss_curve.py allows
    assert found[-1] < 0.8 * found[0]


def test_every_dropout_of_modernbert_is_replaced(
    model_of: ModelOf, windows: QuestionWindows, config: MakeConfig
) -> None:
    """Its attention has a number where others have a module."""
    engine = open_engine(SpanObjective(), model_of("modernbert"), config(dropout=0.25), "cpu")
    kinds = (layer.attn.attention_dropout for layer in engine._model.model.layers)  # type: ignore[attr-defined]  # torch's

    assert list(kinds) == [0.25, 0.25]


def test_steps_are_those_of_torchs_adamw_on_padded_rows(
    bert: Path, windows: QuestionWindows, config: MakeConfig, padded: Pad, tmp_path: Path
) -> None:
    settings = config(weight_decay=0.1, max_gradient_norm=0.5, betas=(0.8, 0.99), micro_batch_tokens=30)
    reference = AutoModelForQuestionAnswering.from_pretrained(bert)
    plain = [weight for name, weight in reference.named_parameters() if "LayerNorm" in name or name.endswith("bias")]
    decayed = [weight for weight in reference.parameters() if not any(weight is other for other in plain)]
    groups = [{"params": decayed, "weight_decay": 0.1}, {"params": plain, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=1e-2, betas=(0.8, 0.99), eps=1e-4)
    norms = [_padded_step(reference, optimizer, windows, padded)[1] for _ in range(3)]

    engine = open_engine(SpanObjective(), bert, settings, "cpu")
    found_norms = [float(engine.steps(windows, [ALL], step, 1e-2)[0].gradient_norm) for step in range(3)]

    engine.save_model(tmp_path)
    assert found_norms == pytest.approx(norms, rel=roundings(160))
    assert norms[0] > 0.5
    for name, weight in load_file(tmp_path / "model.safetensors").items():
        torch.testing.assert_close(weight, reference.state_dict()[name], rtol=0, atol=WEIGHTS)


def _padded_step(
    model: torch.nn.Module, optimizer: torch.optim.AdamW, windows: QuestionWindows, padded: Pad
) -> Tuple[float, float]:
    """Take a step; return the loss and the gradient's norm."""
    logits, mask = _padded_logits(model.eval(), padded)
    pairs = ((logits.start_logits, windows.answer_start), (logits.end_logits, windows.answer_end))
    hidden = [(values.masked_fill(mask == 0, -1e30), torch.tensor(answers).long()) for values, answers in pairs]
    loss = torch.stack([torch.nn.functional.cross_entropy(*pair) for pair in hidden]).mean()
    loss.backward()
    norm = torch.nn.utils.clip_grad_norm_(model.parameters(), 0.5)
    optimizer.step()
    optimizer.zero_grad()
    return loss.item(), float(norm)


def _padded_logits(model: Any, padded: Pad) -> Tuple[Any, torch.Tensor]:
    """What transformers computes of all rows, and the mask of their tokens; segments where its tokenizers give them."""
    tokens, segments, mask = padded(range(8), model.config.pad_token_id)
    kinds = {"token_type_ids": segments} if model.config.model_type in ("bert", "electra") else {}
    return model(input_ids=tokens, attention_mask=mask, **kinds), mask


def test_neither_dropout_nor_the_result_depends_on_micro_batches(
    bert: Path, windows: QuestionWindows, config: MakeConfig, tmp_path: Path
) -> None:
    one_by_one = open_engine(SpanObjective(), bert, config(dropout=0.2, micro_batch_tokens=1), "cpu")
    at_once = open_engine(SpanObjective(), bert, config(dropout=0.2), "cpu")

    weights = trained(one_by_one, windows, tmp_path / "a")

    for name, weight in trained(at_once, windows, tmp_path / "b").items():
        torch.testing.assert_close(weight, weights[name], rtol=0, atol=WEIGHTS)


def test_dropout_depends_on_the_step_and_the_seed(bert: Path, windows: QuestionWindows, config: MakeConfig) -> None:
    def first_loss(seed: int, step: int) -> float:
        engine = open_engine(SpanObjective(), bert, config(dropout=0.2, seed=seed), "cpu")
        return float(engine.steps(windows, [ALL], step, 0.0)[0].loss)

    assert first_loss(1, 0) == first_loss(1, 0)
    assert len({first_loss(1, 0), first_loss(1, 1), first_loss(2, 0)}) == 3


def test_without_an_override_the_model_keeps_its_own_dropout(
    bert: Path, windows: QuestionWindows, config: MakeConfig
) -> None:
    own = open_engine(SpanObjective(), bert, config(dropout=None), "cpu")
    same = open_engine(SpanObjective(), bert, config(dropout=0.1), "cpu")

    assert float(own.steps(windows, [ALL], 0, 0.0)[0].loss) == float(same.steps(windows, [ALL], 0, 0.0)[0].loss)


def test_a_cpu_that_does_not_multiply_bfloat16_computes_in_float32(
    bert: Path, windows: QuestionWindows, config: MakeConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = open_engine(SpanObjective(), bert, config(precision="float32"), "cpu").outputs(windows)
    monkeypatch.setattr("podtune.training.engines.precision.multiplies_bfloat16", lambda: False)

    found = open_engine(SpanObjective(), bert, config(precision="bfloat16"), "cpu").outputs(windows)

    assert np.array_equal(found["start_logits"], expected["start_logits"])


def test_a_run_that_goes_on_keeps_its_number_of_threads(
    bert: Path, config: MakeConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("podtune.training.engines.cpu.usable_cores", lambda: 4)
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(3)
        open_engine(SpanObjective(), bert, config(), "cpu").copy_state()(tmp_path)
        torch.set_num_threads(1)

        later = open_engine(SpanObjective(), bert, config(), "cpu")
        later.load_state(tmp_path)

        assert later.threads == 3
    finally:
        torch.set_num_threads(threads)


def test_a_missing_gpu_is_named(bert: Path, config: MakeConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)

    with pytest.raises(BadInput, match=r"^no NVIDIA GPU is visible; run on a machine with one and its driver"):
        open_engine(SpanObjective(), bert, config(), "gpu")


@pytest.mark.local
def test_two_processes_train_as_one(bert: Path, windows: QuestionWindows, config: MakeConfig, tmp_path: Path) -> None:
    alone = trained(open_engine(SpanObjective(), bert, config(dropout=0.2), "cpu"), windows, tmp_path / "alone")

    _torchrun(2, ["train_in_processes.py", str(bert), str(windows.directory.parent), str(tmp_path)])

    together = load_file(tmp_path / "together" / "model.safetensors")
    for name, weight in alone.items():
        torch.testing.assert_close(together[name], weight, rtol=0, atol=WEIGHTS)
    first, second = (np.load(tmp_path / f"outputs-{rank}.npy") for rank in range(2))
    assert np.array_equal(first, second)
    assert first.all()


def _torchrun(processes: int, arguments: List[str]) -> None:
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    subprocess.run(
        [sys.executable, *launcher, *arguments], check=True, cwd=Path(__file__).parent, env=environment, timeout=120
    )
