"""Features and a two-layer BERT, made once: facts of one sentence, asked for with their own words."""

import json
from pathlib import Path
from typing import Any, Dict, List

import pytest
from podtune.formats.base_model import BaseModelFacts
from podtune.formats.raw_data import RawDataFacts
from podtune.formats.sealed import sealing
from podtune.sections import to_mapping
from podtune.steps.tokenize_squad.step import run as tokenize
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

ANIMALS = ("fox", "owl", "hare", "crow", "toad", "lynx", "newt", "wren")
PLACES = ("oslo", "rome", "lima", "cairo", "delhi", "paris")
WORDS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "the", "lives", "in", "where", "does", "live", "near", *ANIMALS, *PLACES)
TRAINED, HELD_OUT = 40, 8
"""Questions; the context of each is one window."""


def questions(numbers: range) -> Dict[str, Any]:
    paragraphs = []
    for number in numbers:
        animal, place = ANIMALS[number % 8], PLACES[number % 6]
        context = f"the {animal} lives in {place} near the {ANIMALS[(number + 3) % 8]}"
        answer = {"text": place, "answer_start": context.index(place)}
        question = {"id": f"q{number}", "question": f"where does the {animal} live", "answers": [answer]}
        paragraphs.append({"context": context, "qas": [question]})
    return {"version": "1.1", "data": [{"title": "animals", "paragraphs": paragraphs}]}


def tokenizer() -> Tokenizer:
    words = Tokenizer(models.WordLevel({word: number for number, word in enumerate(WORDS)}, unk_token="[UNK]"))
    words.normalizer = normalizers.Lowercase()
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    words.add_special_tokens(["[PAD]", "[UNK]", "[CLS]", "[SEP]"])
    words.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    return words


def write_raw_data(path: Path) -> Path:
    facts = RawDataFacts("here", "animals", "", "cc0-1.0", {"train": "train.json", "validation": "validation.json"})
    with sealing(path, "raw-data", 1) as draft:
        (draft.path / "train.json").write_text(json.dumps(questions(range(TRAINED))))
        (draft.path / "validation.json").write_text(json.dumps(questions(range(TRAINED, TRAINED + HELD_OUT))))
        draft.facts.update(to_mapping(facts))
    return path


def write_base_model(path: Path, vocabulary_size: int = len(WORDS)) -> Path:
    """Weights from a fixed seed."""
    import torch
    from transformers import BertConfig, BertModel

    torch.manual_seed(0)
    sizes: List[Any] = [("hidden_size", 32), ("num_hidden_layers", 2), ("num_attention_heads", 2)]
    config = BertConfig(vocab_size=vocabulary_size, intermediate_size=64, max_position_embeddings=32, **dict(sizes))
    with sealing(path, "base-model", 1) as draft:
        BertModel(config, add_pooling_layer=False).save_pretrained(draft.path)
        tokenizer().save(str(draft.path / "tokenizer.json"))
        settings = {"tokenizer_class": "PreTrainedTokenizerFast", "cls_token": "[CLS]", "sep_token": "[SEP]"}
        (draft.path / "tokenizer_config.json").write_text(json.dumps({**settings, "pad_token": "[PAD]"}))
        draft.facts.update(to_mapping(BaseModelFacts("here", "tiny/bert", "", "apache-2.0", "bert")))
    return path


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    """Threads cost a tiny model time, and much more where other work shares the cores."""
    import torch

    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def base_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_base_model(tmp_path_factory.mktemp("base_model") / "base_model")


@pytest.fixture(scope="session")
def features(tmp_path_factory: pytest.TempPathFactory, base_model: Path) -> Path:
    """40 training rows, 8 validation rows."""
    directory = tmp_path_factory.mktemp("features")
    raw_data = write_raw_data(directory / "raw_data")
    settings = {"max_length": 32, "overlap": 4, "most_duplicates": 1}  # its sentences repeat after 24
    tokenize(raw_data, base_model, directory / "features", settings)
    return directory / "features"


@pytest.fixture(scope="session")
def training() -> Dict[str, Any]:
    """20 steps: 5 an epoch."""
    return {
        "epochs": 4,
        "batch_size": 8,
        "learning_rate": 5e-3,
        "warmup_ratio": 0.1,
        "precision": "float32",
        "dropout": 0.1,
        "log_every": 5,
        "checkpoint_every": 8,
    }
