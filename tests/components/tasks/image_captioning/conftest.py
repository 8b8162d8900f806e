"""Captions whose scores are known from the published program (pycocoevalcap 1.2); a tiny model and its images."""

from pathlib import Path
from typing import Any, Callable, List, Tuple

import numpy as np
import pytest
import torch
from inputs.image_captioning import (  # noqa: F401  # fixtures
    image_file,
    like_gpt2,
    plain_image,
    write_model,
    zip_file,
)
from podtune.formats.ragged import Ragged, offsets_of
from podtune.tasks.image_captioning.captions import ImageCaptions

Captions = Tuple[List[List[str]], List[List[List[str]]]]

PREDICTIONS = ["a white box on a wooden table", "the the the the dog", "a man", "", "a can of soup on a table"]
REFERENCES = [
    ["a white box is on a table", "white box to the left of a blue box on a wooden table"],
    ["the dog sits on the mat", "a dog"],
    ["a man holds a phone", "a man", "person 's hand"],
    ["a blurry page"],
    ["a can of soup on a table", "a can of campbell 's soup sits on a wooden table"],
]


@pytest.fixture(autouse=True)
def one_thread() -> None:
    """Models this small are slower on several."""
    torch.set_num_threads(1)


@pytest.fixture
def captions() -> Captions:
    """Five images' predictions, and their references: one of them too short, one empty, one wholly right."""
    return [text.split() for text in PREDICTIONS], [[text.split() for text in texts] for texts in REFERENCES]


def save_captioner(directory: Path, *, widths: Tuple[int, int] = (16, 16), positions: int = 12, **changes: Any) -> Path:
    """Save a tiny ViT and GPT-2 as one model, of the widths given; its captions begin with token 1 and end with 0."""
    from transformers import GPT2Config, VisionEncoderDecoderConfig, VisionEncoderDecoderModel, ViTConfig

    sizes = {"num_hidden_layers": 2, "num_attention_heads": 2, "initializer_range": 0.3}
    pictures = {"image_size": 16, "patch_size": 8, "intermediate_size": 24}
    tokens = {"vocab_size": 20, "n_positions": positions, "bos_token_id": 1, "eos_token_id": 0}
    config = VisionEncoderDecoderConfig.from_encoder_decoder_configs(
        ViTConfig(hidden_size=widths[0], **pictures, **sizes),
        GPT2Config(n_embd=widths[1], n_layer=2, n_head=2, initializer_range=0.3, **tokens),
    )
    for key, value in {"decoder_start_token_id": 1, "pad_token_id": 0, "eos_token_id": 0, **changes}.items():
        setattr(config, key, value)
    torch.manual_seed(3)
    VisionEncoderDecoderModel(config).save_pretrained(directory)
    return directory


@pytest.fixture
def make_captioner() -> Callable[..., Path]:
    return save_captioner


@pytest.fixture(scope="session")
def captioner(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny model for images of 16 x 16 pixels, whose encoder is as wide as its decoder."""
    return save_captioner(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="session")
def images() -> ImageCaptions:
    """Six images of random pixels, with 1, 3, 2, 1, 1 and 2 captions of 2 to 9 random tokens, the last of them 0."""
    random = np.random.default_rng(5)
    lengths = np.array([4, 7, 2, 5, 3, 9, 6, 4, 8, 5])
    tokens = Ragged(random.integers(2, 20, lengths.sum()).astype(np.int32), offsets_of(lengths))
    tokens.values[tokens.offsets[1:] - 1] = 0
    pixels = random.integers(0, 256, (6, 16, 16, 3), dtype=np.uint8)
    return ImageCaptions(Path(), pixels, tokens, np.array([0, 1, 4, 6, 7, 8, 10]))
