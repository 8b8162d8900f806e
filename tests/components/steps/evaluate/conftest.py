import hashlib
from dataclasses import asdict
from pathlib import Path
from typing import Callable

import numpy as np
import pytest
import torch
from podtune.formats import checkpoint as checkpoint_format
from podtune.formats import features as features_format
from podtune.formats.profile import SplitProfile
from podtune.formats.ragged import Ragged, offsets_of
from podtune.tasks.question_answering.questions import Answer, Question, split_digest
from podtune.tasks.question_answering.windows import QuestionWindows, write_windows
from tokenizers import Tokenizer, models, processors
from transformers import BertConfig, BertForQuestionAnswering

_WORDS = Tokenizer(models.WordLevel({"[CLS]": 0, "[SEP]": 1, "[UNK]": 2}, unk_token="[UNK]"))
_WORDS.post_processor = processors.BertProcessing(("[SEP]", 1), ("[CLS]", 0))
TOKENIZER = _WORDS.to_str().encode()
FIRST, LAST = 7, 8
"""The token ids that the model takes for an answer's first and last one."""

PROFILE = SplitProfile(2, 1, [9, 9, 10, 10, 10], [15, 15, 15, 15, 15], 0, 2, 1)


def int32(*values: int) -> np.ndarray:
    return np.array(values, dtype=np.int32)


def make_features(path: Path, tokenizer: bytes = TOKENIZER, task: str = "question-answering") -> Path:
    """[CLS] q [SEP] "the old red fox" [SEP] twice: the tokens of "red fox" and of "the old" look like answers."""
    questions = [
        Question("q1", "Who runs?", (Answer("the old red fox", 0),), False, 0),
        Question("q2", "Which fox?", (Answer("the old", 0),), False, 0),
    ]
    rows = np.array([[0, 20, 1, 30, 31, FIRST, LAST, 1], [0, 21, 1, FIRST, LAST, 30, 31, 1]], dtype=np.uint16)
    with features_format.FEATURES.sealing(path) as draft:
        windows = QuestionWindows(
            directory=draft.path / "validation",
            tokens=Ragged(rows.ravel(), offsets_of(np.array([8, 8]))),
            context_start=int32(3, 3),
            context_length=int32(4, 4),
            first_context_token=int32(0, 0),
            question=int32(0, 1),
            answer_start=int32(3, 3),
            answer_end=int32(6, 4),
            token_spans=Ragged(int32(0, 3, 4, 7, 8, 11, 12, 15).reshape(-1, 2), np.array([0, 4])),
            question_context=int32(0, 0),
        )
        write_windows(windows, questions, ["the old red fox"])
        facts = features_format.FeaturesFacts(
            task=task,
            raw_data="0" * 64,
            tokenizer=hashlib.sha256(tokenizer).hexdigest(),
            vocabulary_size=32,
            settings={},
            splits={"validation": features_format.SplitFacts(2, 2, 16, split_digest(windows.directory))},
            profile={"validation": PROFILE},
        )
        draft.facts.update(asdict(facts))
    return path


def make_checkpoint(
    path: Path, precision: str = "float32", computed_in: str = "float32", micro_batch_tokens: int = 0
) -> Path:
    """A BERT that finds answers by FIRST and LAST alone; `precision` is the recipe's."""
    with checkpoint_format.CHECKPOINT.sealing(path) as draft:
        marking_model().save_pretrained(draft.path / "model")
        (draft.path / "model" / "tokenizer.json").write_bytes(TOKENIZER)
        facts = checkpoint_format.CheckpointFacts(
            task="question-answering",
            features="1" * 64,
            base_model="2" * 64,
            training={
                "epochs": 1,
                "batch_size": 2,
                "learning_rate": 1e-3,
                "precision": precision,
                "micro_batch_tokens": micro_batch_tokens,
            },
            steps=1,
            steps_per_epoch=1,
            examples_seen=2,
            kept_step=1,
            train_loss=0.5,
            seconds=1.0,
            resumed=0,
            hardware={"precision": computed_in},
            software={},
        )
        draft.facts.update(asdict(facts))
    return path


def marking_model() -> BertForQuestionAnswering:
    """All weights zero, so that each layer passes its input on; the two tokens differ in their embeddings."""
    config = BertConfig(
        vocab_size=32,
        hidden_size=8,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=8,
        max_position_embeddings=16,
    )
    model = BertForQuestionAnswering(config)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            weight.fill_(1.0 if name.endswith("LayerNorm.weight") else 0.0)
        model.bert.embeddings.word_embeddings.weight[FIRST, 0] = 1.0
        model.bert.embeddings.word_embeddings.weight[LAST, 1] = 1.0
        model.qa_outputs.weight[0, 0] = model.qa_outputs.weight[1, 1] = 1.0
    return model


@pytest.fixture
def features(tmp_path: Path) -> Path:
    return make_features(tmp_path / "features")


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    return make_checkpoint(tmp_path / "checkpoint")


@pytest.fixture
def make_trained() -> Callable[..., Path]:
    return make_checkpoint
