"""Training LXMERT on VQA: podtune against Hugging Face's Trainer.

    python benchmarks/train_lxmert.py --shape lxmert-base [--rounds 3] [--steps 8] [--batch-size 8] [--answers 3129]

Questions and region features are made up, with the lengths of VQA's questions: 5 to 20 tokens, 9.4 on average. Every
side runs in a process of its own, in turn, `rounds` times, and trains on the same questions: one batch to warm up, then
the measured steps. "example" is the Trainer as the published cards ran it (float32, text padded to 512 tokens), "best"
its best setting (bfloat16, each batch padded to its longest question). Loss, AdamW, clipping and dropout are the same.
"""

import argparse
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Dict, List

import numpy as np
import podtune_side
import torch
import trainer_side
from podtune.formats.ragged import Batch, Ragged, offsets_of
from podtune.tasks.visual_question_answering.objective import LxmertObjective
from side_by_side import Measured, first_rows, measured, run
from torch.nn.functional import binary_cross_entropy_with_logits
from transformers import LxmertConfig, LxmertForQuestionAnswering

RATE = 5e-5
PADDED_LENGTH = 512
QUESTIONS, IMAGES, REGIONS, FEATURES = 1024, 192, 36, 2048


@dataclass(frozen=True)
class MadeUpQuestions:
    """Questions on stored regions; `training.protocols.Examples`."""

    tokens: Ragged
    image: np.ndarray
    regions: np.ndarray
    boxes: np.ndarray
    target: np.ndarray

    def __len__(self) -> int:
        return len(self.tokens)

    @cached_property
    def lengths(self) -> np.ndarray:
        """int64 [questions]: tokens and regions."""
        return self.tokens.lengths + REGIONS

    def names(self, rows: np.ndarray) -> List[str]:
        """Numbers."""
        return [str(row) for row in rows]

    def batch(self, rows: np.ndarray) -> Batch:
        """Gather questions, as visual question answering's Features do."""
        tokens, images = self.tokens.take(rows), self.image[rows]
        columns = {
            "regions": np.take(self.regions, images, axis=0),
            "boxes": np.take(self.boxes, images, axis=0),
            "target": self.target[rows],
        }
        return Batch(tokens.offsets, {"tokens": tokens.values}, columns)


def make_up(answers: int) -> MadeUpQuestions:
    """Draw the same questions for every side."""
    random = np.random.default_rng(0)
    lengths = np.clip(5 + random.poisson(4.4, QUESTIONS), 5, 20)
    target = np.zeros((QUESTIONS, answers), dtype=np.float32)
    target[np.arange(QUESTIONS), random.integers(answers, size=QUESTIONS)] = 1.0
    return MadeUpQuestions(
        Ragged(random.integers(1000, 30_000, lengths.sum(), dtype=np.int32), offsets_of(lengths)),
        random.integers(IMAGES, size=QUESTIONS),
        random.random((IMAGES, REGIONS, FEATURES), dtype=np.float32).astype(np.float16),
        np.sort(random.random((IMAGES, REGIONS, 2, 2), dtype=np.float32), axis=2).reshape(IMAGES, REGIONS, 4),
        target,
    )


class SoftLabels(LxmertForQuestionAnswering):  # type: ignore[misc]  # transformers has no types
    """LXMERT with the cards' loss: the mean of binary cross-entropies over questions and answers."""

    def forward(self, labels: torch.Tensor, **inputs: Any) -> Dict[str, torch.Tensor]:
        """Return loss and logits, as the Trainer takes them."""
        logits = super().forward(**inputs).question_answering_score
        return {"loss": binary_cross_entropy_with_logits(logits, labels), "logits": logits}


def with_trainer(arguments: argparse.Namespace, length: int, *, bf16: bool) -> Measured:
    """Train with the Trainer, questions padded to `length`, or to the longest of a batch where it is 0."""
    questions = make_up(arguments.answers)
    model = SoftLabels.from_pretrained(arguments.model)
    times = trainer_side.train(
        model,
        [_record(questions, row) for row in first_rows(questions, arguments)],
        batch_size=arguments.batch_size,
        learning_rate=RATE,
        bf16=bf16,
        use_cpu=arguments.device == "cpu",
        collate=partial(_collate, length=length),
    )
    return measured(times.ends, times.cpu_ends, arguments.steps * arguments.batch_size)


def _record(questions: MadeUpQuestions, row: int) -> Dict[str, Any]:
    image = questions.image[row]
    return {
        "tokens": questions.tokens.row(row),
        "visual_feats": questions.regions[image].astype(np.float32),
        "visual_pos": questions.boxes[image],
        "labels": questions.target[row],
    }


def _collate(records: List[Dict[str, Any]], length: int) -> Dict[str, torch.Tensor]:
    columns = ("visual_feats", "visual_pos", "labels")
    batch = {name: torch.from_numpy(np.stack([record[name] for record in records])) for name in columns}
    width = length or max(len(record["tokens"]) for record in records)
    tokens, mask = np.zeros((2, len(records), width), dtype=np.int64)
    for row, record in enumerate(records):
        tokens[row, : len(record["tokens"])] = record["tokens"]
        mask[row, : len(record["tokens"])] = 1
    return {**batch, "input_ids": torch.from_numpy(tokens), "attention_mask": torch.from_numpy(mask)}


def ours(arguments: argparse.Namespace, **changes: Any) -> Measured:
    """Train as a recipe does."""
    objective = LxmertObjective([str(answer) for answer in range(arguments.answers)], soft=True)
    return podtune_side.train(arguments, objective, make_up(arguments.answers), RATE, **changes)


def write_base(directory: Path) -> None:
    """LXMERT-base with VQA's answers."""
    LxmertForQuestionAnswering(LxmertConfig(num_qa_labels=3129)).save_pretrained(directory)


if __name__ == "__main__":
    run(
        __doc__,
        {
            "example": partial(with_trainer, length=PADDED_LENGTH, bf16=False),
            "best": partial(with_trainer, length=0, bf16=True),
            "podtune": ours,
            "podtune float32": partial(ours, precision="float32"),
        },
        {"lxmert-base": write_base},
        answers={"type": int, "default": 3129},
    )
