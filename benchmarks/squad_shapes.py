"""Question-answering models of random weights, and the features that they are trained on: options of the benchmarks."""

from functools import partial
from pathlib import Path
from typing import Any, Dict, List

import numpy as np
from podtune.formats.ragged import Ragged, offsets_of
from podtune.tasks.question_answering.questions import Question
from podtune.tasks.question_answering.windows import QuestionWindows
from side_by_side import Shapes
from transformers import AutoModelForQuestionAnswering, BertConfig, PretrainedConfig, RobertaConfig

_CONFIGURATIONS: Dict[str, PretrainedConfig] = {
    "bert-base": BertConfig(),
    "minilm": BertConfig(hidden_size=384, num_hidden_layers=6, intermediate_size=1536),
    "roberta-base": RobertaConfig(vocab_size=50265, max_position_embeddings=514, type_vocab_size=1),
}


def write_model(config: PretrainedConfig, directory: Path) -> None:
    """Write a model of random weights."""
    AutoModelForQuestionAnswering.from_config(config).save_pretrained(directory)


def make_up_windows(count: int, directory: Path = Path()) -> QuestionWindows:
    """Windows of random tokens with the lengths of SQuAD's: 165 tokens on average, 384 at most."""
    random = np.random.default_rng(0)
    lengths = np.clip(np.exp(random.normal(5.04, 0.37, count)), 30, 384).astype(np.int64)
    starts = random.integers(14, lengths - 8)
    zeros = np.zeros(count, dtype=np.int32)
    return QuestionWindows(
        directory,
        Ragged(random.integers(5, 30_000, lengths.sum()).astype(np.uint16), offsets_of(lengths)),
        context_start=zeros + 14,
        context_length=(lengths - 15).astype(np.int32),
        first_context_token=zeros,
        question=np.arange(count, dtype=np.int32),
        answer_start=starts.astype(np.int32),
        answer_end=(starts + random.integers(0, 8, count)).astype(np.int32),
        token_spans=Ragged(np.zeros((1, 2), np.int32), np.array([0, 1])),
        question_context=zeros,
    )


def make_up_questions(count: int) -> List[Question]:
    """Questions for as many windows, that have no answer in words."""
    return [Question(f"q{number}", "?", (), is_impossible=True, context=0) for number in range(count)]


SHAPES: Shapes = {name: partial(write_model, config) for name, config in _CONFIGURATIONS.items()}
FEATURES: Dict[str, Any] = {"type": Path, "required": True, "help": "what tokenize_squad wrote"}
