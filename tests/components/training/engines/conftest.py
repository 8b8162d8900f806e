"""Tiny models of every type on disk, and windows of random tokens with answers."""

from pathlib import Path
from typing import Any, Callable, Dict, Sequence, Tuple

import numpy as np
import pytest
import torch
from podtune.formats.ragged import Ragged, offsets_of
from podtune.tasks.question_answering.questions import Question
from podtune.tasks.question_answering.windows import QuestionWindows, open_windows, write_windows
from podtune.training.config import TrainingConfig
from transformers import AutoConfig, AutoModelForQuestionAnswering

SIZES = {
    "vocab_size": 60,
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "initializer_range": 0.2,
}
AFTER_PADDING = {"max_position_embeddings": 42, "type_vocab_size": 1, "pad_token_id": 1}
MODELS: Dict[str, Dict[str, Any]] = {
    "albert": {"max_position_embeddings": 40, "embedding_size": 8},
    "bert": {"max_position_embeddings": 40},
    "camembert": AFTER_PADDING,
    "distilbert": {"max_position_embeddings": 40},
    "electra": {"max_position_embeddings": 40, "embedding_size": 8},
    "modernbert": {"max_position_embeddings": 40, "local_attention": 8, "pad_token_id": 0},
    "roberta": AFTER_PADDING,
    "xlm-roberta": AFTER_PADDING,
}
"""Type to what its tiny model has beside SIZES; of ModernBERT's layers the second one is local."""

ModelOf = Callable[[str], Path]

LENGTHS = (7, 13, 30, 5, 22, 9, 17, 11)


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> None:
    """Tiny tensors gain nothing from a second thread, and wait for it where the machine is busy."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def model_of(tmp_path_factory: pytest.TempPathFactory) -> ModelOf:
    """Make a function that saves the tiny model of a type."""

    def saved(model_type: str) -> Path:
        directory = tmp_path_factory.mktemp("model")
        torch.manual_seed(3)
        config = AutoConfig.for_model(model_type, **SIZES, **MODELS[model_type])
        AutoModelForQuestionAnswering.from_config(config).save_pretrained(directory)
        return directory

    return saved


@pytest.fixture(scope="session")
def bert(model_of: ModelOf) -> Path:
    return model_of("bert")


@pytest.fixture(scope="session")
def roberta(model_of: ModelOf) -> Path:
    return model_of("roberta")


@pytest.fixture(scope="session")
def windows(tmp_path_factory: pytest.TempPathFactory) -> QuestionWindows:
    """Eight windows of 5 to 30 random tokens, four of them the question."""
    return make_windows(tmp_path_factory.mktemp("features"), LENGTHS)


@pytest.fixture
def make() -> Callable[[Path, Sequence[int]], QuestionWindows]:
    return make_windows


def make_windows(features: Path, lengths: Sequence[int]) -> QuestionWindows:
    random = np.random.default_rng(5)
    count = len(lengths)
    tokens = Ragged(random.integers(5, 60, sum(lengths)).astype(np.uint16), offsets_of(np.array(lengths)))
    starts = np.array([random.integers(0, length) for length in lengths], dtype=np.int32)
    ends = np.array([random.integers(start, length) for start, length in zip(starts, lengths)], dtype=np.int32)
    made = QuestionWindows(
        features / "train",
        tokens,
        context_start=np.full(count, 4, np.int32),
        context_length=np.array(lengths, np.int32) - 4,
        first_context_token=np.zeros(count, np.int32),
        question=np.arange(count, dtype=np.int32),
        answer_start=starts,
        answer_end=ends,
        token_spans=Ragged(np.zeros((1, 2), np.int32), np.array([0, 1])),
        question_context=np.zeros(count, np.int32),
    )
    questions = [Question(f"q{number}", "?", (), is_impossible=True, context=0) for number in range(count)]
    write_windows(made, questions, ["-"])
    return open_windows(features, "train")


@pytest.fixture
def padded(windows: QuestionWindows) -> Callable[..., Tuple[torch.Tensor, torch.Tensor, torch.Tensor]]:
    """Make a function that pads rows to the longest: token ids, segments and mask, as transformers takes them."""

    def pad(rows: Sequence[int], padding: int) -> Tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        lengths = torch.tensor(windows.lengths[np.array(rows)])
        mask = torch.arange(int(lengths.max())) < lengths[:, None]
        tokens = torch.full(mask.shape, padding)
        for place, row in enumerate(rows):
            tokens[place, : lengths[place]] = torch.tensor(windows.tokens.row(row).astype(np.int64))
        segments = (torch.arange(mask.shape[1]) >= 4) & mask
        return tokens, segments.long(), mask.long()

    return pad


@pytest.fixture
def config() -> Callable[..., TrainingConfig]:
    """Make a configuration in float32 without dropout, but for what is given.

    Its epsilon is large enough that rounding stays small: the true gradient of an attention's key bias is zero,
    and AdamW would turn what rounding leaves of it into whole steps.
    """

    def make_config(**changes: object) -> TrainingConfig:
        plain = {"epochs": 1, "batch_size": 8, "learning_rate": 1e-2, "epsilon": 1e-4}
        plain.update(precision="float32", dropout=0.0)
        return TrainingConfig(**{**plain, **changes})  # type: ignore[arg-type]  # checked by the tests that use it

    return make_config
