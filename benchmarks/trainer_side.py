"""Hugging Face's Trainer on podtune's windows: what the other benchmarks here compare with."""

import tempfile
import time
from pathlib import Path
from typing import Any, Callable, Dict, List, Sequence

import numpy as np
import torch
from podtune.tasks.question_answering.model_types import MODEL_TYPES
from podtune.tasks.question_answering.windows import QuestionWindows
from transformers import (
    AutoModelForQuestionAnswering,
    Trainer,
    TrainerCallback,
    TrainingArguments,
    default_data_collator,
)

PADDED_LENGTH = 384
Record = Dict[str, Any]
Collate = Callable[[List[Record]], Dict[str, torch.Tensor]]


def padded_records(windows: QuestionWindows, rows: np.ndarray) -> List[Record]:
    """Features as transformers' question-answering example makes them: lists of integers, padded to 384."""
    return [_padded(record, PADDED_LENGTH) for record in plain_records(windows, rows)]


def plain_records(windows: QuestionWindows, rows: np.ndarray) -> List[Record]:
    """The same without padding."""
    return [_record(windows, int(row)) for row in rows]


def pad_to_longest(records: List[Record]) -> Dict[str, torch.Tensor]:
    """Collate records, each padded to the longest; padded ones go through as they are."""
    longest = max(len(record["input_ids"]) for record in records)
    return default_data_collator([_padded(record, longest) for record in records])  # type: ignore[no-any-return]  # untyped


def _record(windows: QuestionWindows, row: int) -> Record:
    tokens = windows.tokens.row(row)
    return {
        "input_ids": tokens.tolist(),
        "token_type_ids": (np.arange(len(tokens)) >= windows.context_start[row]).astype(int).tolist(),
        "attention_mask": [1] * len(tokens),
        "start_positions": int(windows.answer_start[row]),
        "end_positions": int(windows.answer_end[row]),
    }


def _padded(record: Record, length: int) -> Record:
    """Pad with token 0, which is BERT's."""
    missing = length - len(record["input_ids"])
    return {name: value + [0] * missing if isinstance(value, list) else value for name, value in record.items()}


class StepTimes(TrainerCallback):  # type: ignore[misc]  # transformers has no types
    """When the first and the last step ended, by the clock and in seconds of CPU time; between no GPU is waited for."""

    def __init__(self) -> None:
        self.ends: List[float] = []
        self.cpu_ends: List[float] = []

    def on_step_end(self, _arguments: Any, state: Any, *_: Any, **__: Any) -> None:
        """Take the times."""
        if state.global_step not in (1, state.max_steps):
            return
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        self.ends.append(time.perf_counter())
        self.cpu_ends.append(time.process_time())


def train(
    model: Any,
    records: Sequence[Record],
    *,
    batch_size: int,
    learning_rate: float,
    bf16: bool,
    use_cpu: bool,
    collate: Collate = pad_to_longest,
    **more: Any,
) -> StepTimes:
    """Train one epoch over the records in their order: AdamW, clipped at 1.0, linear rate; `more` is the Trainer's."""
    times = StepTimes()
    records = without_unread_segments(model, records)
    arguments = _arguments(
        num_train_epochs=1,
        per_device_train_batch_size=batch_size,
        learning_rate=learning_rate,
        bf16=bf16,
        use_cpu=use_cpu,
        train_sampling_strategy="sequential",
        **more,
    )
    Trainer(model, arguments, train_dataset=records, data_collator=collate, callbacks=[times]).train()
    return times


def without_unread_segments(model: Any, records: Sequence[Record]) -> Sequence[Record]:
    """The records as the model takes them."""
    if getattr(MODEL_TYPES.get(model.config.model_type), "reads_segments", False) and model.config.type_vocab_size > 1:
        return records
    return [{name: value for name, value in record.items() if name != "token_type_ids"} for record in records]


def predictor(model: Any, *, batch_size: int, bf16: bool, use_cpu: bool) -> Any:
    """Make a Trainer that predicts."""
    arguments = _arguments(per_device_eval_batch_size=batch_size, bf16=bf16, use_cpu=use_cpu)
    return Trainer(model, arguments, data_collator=pad_to_longest)


def _arguments(**settings: Any) -> Any:
    quiet = {
        "save_strategy": "no",
        "report_to": "none",
        "disable_tqdm": True,
        "logging_strategy": "no",
        "remove_unused_columns": False,
    }
    return TrainingArguments(tempfile.gettempdir(), **quiet, **settings)


def load(model: Path) -> Any:
    """Load a model as the example does."""
    return AutoModelForQuestionAnswering.from_pretrained(model)
