"""A whole model of a few bytes, as a published one lies in its directory."""

import json
from pathlib import Path
from typing import Any, Callable, Dict

import numpy as np
import pytest
from safetensors.numpy import save
from tokenizers import Tokenizer, models

TOKENS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "paris"]


def tokenizer(tokens: int = 5) -> bytes:
    vocabulary = {token: number for number, token in enumerate(TOKENS[:tokens])}
    return Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]")).to_str().encode()


def weights(*names: str) -> bytes:
    return save({name: np.arange(6, dtype=np.float32).reshape(2, 3) for name in names})


@pytest.fixture
def model_files() -> Dict[str, bytes]:
    return {
        "config.json": json.dumps({"model_type": "bert", "vocab_size": 5}).encode(),
        "tokenizer.json": tokenizer(),
        "tokenizer_config.json": b'{"do_lower_case": true}',
        "vocab.txt": "\n".join(TOKENS).encode(),
        "model.safetensors": weights("embeddings"),
        "pytorch_model.bin": b"\x80pickle",
        "modeling_bert.py": b"import os",
        "README.md": b"# BERT",
    }


@pytest.fixture
def write_files(tmp_path: Path) -> Callable[..., Path]:
    def written(files: Dict[str, bytes], folder: str = "published") -> Path:
        for name, content in files.items():
            (tmp_path / folder / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / folder / name).write_bytes(content)
        return tmp_path / folder

    return written


@pytest.fixture
def sharded(model_files: Dict[str, Any]) -> Dict[str, bytes]:
    """The same model with its weights in two files."""
    del model_files["model.safetensors"]
    index = {"weight_map": {"first": "model-1-of-2.safetensors", "second": "model-2-of-2.safetensors"}}
    return {
        **model_files,
        "model.safetensors.index.json": json.dumps(index).encode(),
        "model-1-of-2.safetensors": weights("first"),
        "model-2-of-2.safetensors": weights("second"),
        "unused.safetensors": weights("third"),
    }


@pytest.fixture
def encoder_files() -> Dict[str, bytes]:
    """A model that sees."""
    return {
        "config.json": b'{"model_type": "vit", "hidden_size": 2}',
        "preprocessor_config.json": b'{"size": 224}',
        "model.safetensors": weights("patches"),
        "pytorch_model.bin": b"\x80pickle",
    }


@pytest.fixture
def decoder_files() -> Dict[str, bytes]:
    """A model that writes."""
    return {
        "config.json": json.dumps({"model_type": "gpt2", "vocab_size": 5}).encode(),
        "generation_config.json": b"{}",
        "tokenizer.json": tokenizer(),
        "merges.txt": b"",
        "model.safetensors": weights("tokens"),
    }
