"""What bench_gpu measures in a process of its own: a device against the CPU, a resume, and an evaluation."""

import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Callable, Dict, List

import numpy as np
import torch
import train_captions
import train_lxmert
from podtune.tasks.image_captioning.objective import CaptionObjective
from podtune.tasks.question_answering.objective import SpanObjective
from podtune.tasks.visual_question_answering.objective import LxmertObjective
from podtune.training.config import TrainingConfig
from podtune.training.engines import open_engine
from podtune.training.protocols import Examples, Objective
from predict_squad import SomeWindows
from squad_shapes import SHAPES, make_up_windows, write_model
from transformers import (
    GPT2Config,
    LxmertConfig,
    LxmertForQuestionAnswering,
    RobertaConfig,
    VisionEncoderDecoderConfig,
    ViTConfig,
)

WITHIN, ALIKE = 0.002, 0.999
"""How far a first loss may be from the CPU's, and how far a gradient's direction: its least cosine."""

TESTS = ("tests/components/training/engines", "tests/components/detector")
"""Where the tests that need a GPU are."""

_TINY = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
_ANSWERS = 3129


@dataclass(frozen=True)
class Workload:
    """A model and what it is trained on."""

    objective: Callable[[], Objective]
    examples: Callable[[], Examples]
    write: Callable[[Path], None]
    write_tiny: Callable[[Path], None]
    rate: float


def _write_tiny_lxmert(directory: Path) -> None:
    sizes = {"hidden_size": 32, "num_attention_heads": 2, "intermediate_size": 64}
    config = LxmertConfig(num_qa_labels=_ANSWERS, l_layers=1, x_layers=1, r_layers=1, **sizes)
    LxmertForQuestionAnswering(config).save_pretrained(directory)


def _write_tiny_captioner(directory: Path) -> None:
    decoder = GPT2Config(n_embd=32, n_layer=2, n_head=2)
    config = VisionEncoderDecoderConfig.from_encoder_decoder_configs(ViTConfig(**_TINY, patch_size=56), decoder)
    train_captions.write_model(config, directory)


_ROBERTA = RobertaConfig(vocab_size=50265, max_position_embeddings=514, type_vocab_size=1, **_TINY)
WORKLOADS: Dict[str, Workload] = {
    "RoBERTa-base SQuAD": Workload(
        SpanObjective, partial(make_up_windows, 8192), SHAPES["roberta-base"], partial(write_model, _ROBERTA), 3e-5
    ),
    "LXMERT VQA": Workload(
        lambda: LxmertObjective([str(answer) for answer in range(_ANSWERS)], soft=True),
        partial(train_lxmert.make_up, _ANSWERS),
        train_lxmert.write_base,
        _write_tiny_lxmert,
        5e-5,
    ),
    "ViT-GPT2 captions": Workload(
        CaptionObjective, partial(train_captions.make_up, 5), train_captions.write_base, _write_tiny_captioner, 2e-5
    ),
}


def compare(workload: Workload, model: Path, device: str, rows: int) -> Dict[str, Any]:
    """The first three losses and the first gradient without dropout, on a CPU in float32 and as the device trains."""
    found = {}
    for name, precision in (("cpu", "float32"), (device, "auto")):
        engine, examples = _open(workload, model, name, precision=precision, dropout=0.0), workload.examples()
        losses = _losses(engine, examples, range(1), rows, workload.rate)
        gradient = engine._weights.gradient.double().cpu()
        found[name, precision] = losses + _losses(engine, examples, range(1, 3), rows, workload.rate), gradient
    (expected, direction), (losses, gradient) = found.values()
    off = max(abs(loss / other - 1) for loss, other in zip(losses, expected))
    cosine = float(torch.nn.functional.cosine_similarity(direction, gradient, dim=0))
    return {"ok": off <= WITHIN and cosine >= ALIKE, "loss_off": off, "cosine": cosine, "losses": losses}


def resume(workload: Workload, model: Path, device: str, rows: int) -> Dict[str, Any]:
    """Two steps, their state, and two more by a new engine, against four undisturbed ones, which are taken twice."""
    examples = workload.examples()
    take = partial(_losses, examples=examples, rows=rows, rate=workload.rate)
    one, other = (take(_open(workload, model, device), steps=range(4)) for _ in range(2))
    first = _open(workload, model, device)
    before = take(first, steps=range(2))
    with tempfile.TemporaryDirectory() as folder:
        first.copy_state()(Path(folder))
        second = _open(workload, model, device)
        second.load_state(Path(folder))
    resumed = before + take(second, steps=range(2, 4))
    return {"ok": resumed == one, "resumed": resumed, "undisturbed": one, "undisturbed_again": other}


def evaluate(workload: Workload, model: Path, device: str, rows: int) -> Dict[str, Any]:
    """Samples a second of an engine's outputs, after some to warm up."""
    engine, examples = _open(workload, model, device), workload.examples()
    engine.outputs(SomeWindows(examples, np.arange(min(rows, 32))))
    begun = time.perf_counter()
    engine.outputs(SomeWindows(examples, np.arange(rows)))
    most = torch.cuda.max_memory_allocated() if torch.cuda.is_available() else 0
    return {"ok": True, "rate": rows / (time.perf_counter() - begun), "bytes": most}


def _open(workload: Workload, model: Path, device: str, **changes: Any) -> Any:
    config = TrainingConfig(epochs=1, batch_size=1, learning_rate=workload.rate, **changes)
    return open_engine(workload.objective(), model, config, device)


def _losses(engine: Any, examples: Examples, steps: range, rows: int, rate: float) -> List[float]:
    batches = [np.arange(step * rows, (step + 1) * rows) % len(examples) for step in steps]
    return [float(engine.steps(examples, [batch], step, rate)[0].loss) for step, batch in zip(steps, batches)]


def gpu_tests(_workload: Workload, root: Path, device: str, _rows: int) -> Dict[str, Any]:
    """Run the tests that need a GPU; where there is one, none may be skipped."""
    command = [sys.executable, "-m", "pytest", "-q", "-m", "gpu", "-p", "no:cacheprovider", "-p", "no:xdist"]
    done = subprocess.run([*command, *TESTS], cwd=root, capture_output=True, text=True, check=False)
    last = done.stdout.strip().splitlines()[-1]
    return {"ok": not done.returncode and (device == "cpu" or "skipped" not in last), "tests": last}
