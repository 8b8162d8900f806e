"""No step waits for its device: the host prepares the next one while a GPU computes.

The steps are taken on torch's meta device, whose tensors have a shape and no values: what has to read one (`item`,
`bool`, `nonzero`, a boolean index, a copy to the host) fails there, on any machine. A GPU says the same of itself.
"""

from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Tuple

import numpy as np
import pytest
import torch
from podtune.formats.ragged import Batch, Ragged, offsets_of
from podtune.tasks.image_captioning.captions import ImageCaptions
from podtune.tasks.image_captioning.objective import CaptionObjective
from podtune.tasks.question_answering.objective import SpanObjective
from podtune.tasks.question_answering.windows import QuestionWindows
from podtune.tasks.visual_question_answering.objective import LxmertObjective
from podtune.training.config import TrainingConfig
from podtune.training.engines.processes import Processes
from podtune.training.engines.torch_engine import TorchEngine, open_engine
from podtune.training.protocols import Examples, Objective
from torch.utils._python_dispatch import TorchDispatchMode

Case = Tuple[Objective, Path, Examples]
ANSWERS = ["yes", "no", "two"]
PRECISIONS = [("float32", 0.1), ("bfloat16", 0.0)]
"""With a dropout; without one and in bfloat16 a GPU attends by another kernel."""


class Questions:
    """Of 4, 6, 5 and 4 tokens, each about four regions; `training.protocols.Examples`."""

    lengths = np.array([4, 6, 5, 4]) + 4

    def __len__(self) -> int:
        return len(self.lengths)

    def names(self, rows: np.ndarray) -> List[str]:
        return [str(row) for row in rows]

    def batch(self, rows: np.ndarray) -> Batch:
        offsets = offsets_of(self.lengths[rows] - 4)
        columns = {
            "regions": np.zeros((len(rows), 4, 6), np.float16),
            "boxes": np.zeros((len(rows), 4, 4), np.float32),
            "target": np.zeros((len(rows), len(ANSWERS)), np.float32),
        }
        return Batch(offsets, {"tokens": np.ones(int(offsets[-1]), np.int32)}, columns)


def captions(directory: Path) -> Case:
    from transformers import GPT2Config, VisionEncoderDecoderConfig, VisionEncoderDecoderModel, ViTConfig

    config = VisionEncoderDecoderConfig.from_encoder_decoder_configs(
        ViTConfig(hidden_size=16, num_hidden_layers=2, num_attention_heads=2, image_size=16, patch_size=8),
        GPT2Config(vocab_size=20, n_positions=12, n_embd=16, n_layer=2, n_head=2, eos_token_id=0),
    )
    config.decoder_start_token_id, config.pad_token_id, config.eos_token_id = 1, 0, 0
    VisionEncoderDecoderModel(config).save_pretrained(directory)
    lengths = np.array([3, 5, 4, 2, 6])
    tokens = Ragged(np.ones(20, np.int32), offsets_of(lengths))
    pixels = np.zeros((4, 16, 16, 3), np.uint8)
    return CaptionObjective(), directory, ImageCaptions(Path(), pixels, tokens, np.array([0, 2, 3, 4, 5]))


def questions(directory: Path) -> Case:
    from transformers import LxmertConfig, LxmertForQuestionAnswering

    sizes = {"hidden_size": 16, "num_attention_heads": 2, "intermediate_size": 32, "visual_feat_dim": 6}
    layers = {"l_layers": 1, "x_layers": 1, "r_layers": 1}
    LxmertForQuestionAnswering(LxmertConfig(vocab_size=20, num_qa_labels=3, **sizes, **layers)).save_pretrained(
        directory
    )
    return LxmertObjective(ANSWERS, soft=True), directory, Questions()


@pytest.fixture(params=["bert", "modernbert", "roberta", "captions", "questions"])
def case(
    request: pytest.FixtureRequest, windows: QuestionWindows, model_of: Callable[[str], Path], tmp_path: Path
) -> Case:
    others = {"captions": captions, "questions": questions}
    if request.param in others:
        return others[request.param](tmp_path)
    return SpanObjective(), model_of(request.param), windows


class CopiesToDevice(TorchDispatchMode):
    """Counts what is copied from the host, and refuses what would wait for it."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Tuple[Any, ...] = (), kwargs: "Dict[str, Any] | None" = None
    ) -> Any:
        kwargs = kwargs or {}
        target = torch.device(kwargs.get("device") or "cpu")
        if func is torch.ops.aten._to_copy.default and args[0].device.type == "cpu" and target.type != "cpu":
            assert kwargs.get("non_blocking"), "a copy that the host waits for"
            self.count += 1
        return func(*args, **kwargs)


@pytest.fixture
def on_meta(monkeypatch: pytest.MonkeyPatch, config: Callable[..., TrainingConfig]) -> Callable[..., TorchEngine]:
    """Make a function that opens an engine on the meta device, which takes the ways of a GPU."""
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda **_: True)

    def opened(objective: Objective, model: Path, **changes: Any) -> TorchEngine:
        settings = config(max_gradient_norm=1.0, micro_batch_tokens=1000, **changes)
        return TorchEngine(objective, objective.load(model), settings, Processes(0, 1, torch.device("meta")))

    return opened


@pytest.mark.parametrize(("precision", "dropout"), PRECISIONS)
def test_a_step_reads_nothing_from_its_device(
    on_meta: Callable[..., TorchEngine], case: Case, precision: str, dropout: float
) -> None:
    objective, model, examples = case
    engine = on_meta(objective, model, precision=precision, dropout=dropout)

    with CopiesToDevice() as copies:
        (result,) = engine.steps(examples, [np.arange(4)], 0, 1e-2)

    assert engine.precision == precision
    assert result.loss.device.type == "meta"
    assert 0 < copies.count < 16


@pytest.mark.parametrize(
    "read", [lambda x: x.item(), lambda x: x[x > 0], bool, lambda x: x.nonzero(), lambda x: x.cpu()]
)
def test_the_meta_device_refuses_what_would_wait(read: Callable[[torch.Tensor], Any]) -> None:
    with pytest.raises((RuntimeError, NotImplementedError)):
        read(torch.zeros((), device="meta"))


@pytest.fixture
def waiting_fails() -> Iterator[None]:
    """Have CUDA raise where something waits for the GPU."""
    if not torch.cuda.is_available():
        pytest.skip("needs an NVIDIA GPU; run `pytest -m gpu` on a machine with one")
    torch.cuda.set_sync_debug_mode("error")
    yield
    torch.cuda.set_sync_debug_mode("default")


@pytest.mark.gpu
@pytest.mark.parametrize(("precision", "dropout"), PRECISIONS)
def test_a_step_on_a_gpu_does_not_wait_for_it(
    case: Case, config: Callable[..., TrainingConfig], request: pytest.FixtureRequest, precision: str, dropout: float
) -> None:
    objective, model, examples = case
    if torch.cuda.is_available():
        engine = open_engine(objective, model, config(precision=precision, dropout=dropout), "gpu")
        engine.steps(examples, [np.arange(4)], 0, 1e-2)  # what the first step sets up may wait
    request.getfixturevalue("waiting_fails")

    engine.steps(examples, [np.arange(4)], 1, 1e-2)
