"""Training ViT + GPT-2 on captions: podtune against Hugging Face's Trainer.

    python benchmarks/train_captions.py --shape vit-gpt2-base [--captions 5] [--rounds 3] [--steps 4] [--batch-size 2]

Images and captions are made up: 8 to 24 tokens a caption, 14 on average. A batch is so many images with all their
captions. Every side runs in a process of its own, in turn, `rounds` times, and trains on the same images: one batch to
warm up, then the measured steps. "example" is the Trainer on pairs of an image and a caption, each image encoded for
every caption anew (float32, captions padded to 64 tokens), "best" the same at its best setting (bfloat16, captions
padded to the longest of a batch). AdamW, clipping and dropout are the same; rates are images a second.
"""

import argparse
from functools import partial
from pathlib import Path
from typing import Any, Dict, List

import numpy as np
import podtune_side
import torch
import trainer_side
from podtune.formats.ragged import Ragged, offsets_of
from podtune.tasks.image_captioning.captions import ImageCaptions
from podtune.tasks.image_captioning.objective import CaptionObjective
from side_by_side import Measured, first_rows, measured, run
from transformers import GPT2Config, VisionEncoderDecoderConfig, VisionEncoderDecoderModel, ViTConfig

RATE = 2e-5
PADDED_LENGTH = 64
IMAGES, SIZE = 64, 224
END = 50256
"""GPT-2's end of the text, which also begins a caption and fills it up."""


def make_up(captions: int) -> ImageCaptions:
    """Draw the same images for every side."""
    random = np.random.default_rng(0)
    lengths = np.clip(8 + random.poisson(6, IMAGES * captions), 8, 24)
    tokens = Ragged(random.integers(END, size=lengths.sum(), dtype=np.int32), offsets_of(lengths))
    tokens.values[tokens.offsets[1:] - 1] = END
    pixels = random.integers(256, size=(IMAGES, SIZE, SIZE, 3), dtype=np.uint8)
    return ImageCaptions(Path(), pixels, tokens, np.arange(IMAGES + 1) * captions)


def with_trainer(arguments: argparse.Namespace, length: int, *, bf16: bool) -> Measured:
    """Train with the Trainer, captions padded to `length`, or to the longest of a batch where it is 0."""
    images = make_up(arguments.captions)
    model = VisionEncoderDecoderModel.from_pretrained(arguments.model)
    records = [
        {"image": images.images[row], "caption": images.tokens.row(caption)}
        for row in first_rows(images, arguments)
        for caption in range(images.captions_of[row], images.captions_of[row + 1])
    ]
    times = trainer_side.train(
        model,
        records,
        batch_size=arguments.batch_size * arguments.captions,
        learning_rate=RATE,
        bf16=bf16,
        use_cpu=arguments.device == "cpu",
        collate=partial(_collate, length=length),
    )
    return measured(times.ends, times.cpu_ends, arguments.steps * arguments.batch_size)


def _collate(records: List[Dict[str, Any]], length: int) -> Dict[str, torch.Tensor]:
    pixels = torch.from_numpy(np.stack([record["image"] for record in records]))
    width = length or max(len(record["caption"]) for record in records)
    labels = torch.full((len(records), width), -100)
    for row, record in enumerate(records):
        labels[row, : len(record["caption"])] = torch.from_numpy(record["caption"])
    return {"pixel_values": pixels.permute(0, 3, 1, 2).float() / 127.5 - 1, "labels": labels}


def ours(arguments: argparse.Namespace, **changes: Any) -> Measured:
    """Train as a recipe does."""
    return podtune_side.train(arguments, CaptionObjective(), make_up(arguments.captions), RATE, **changes)


def write_base(directory: Path) -> None:
    """ViT-base and GPT-2, with cross-attention."""
    write_model(VisionEncoderDecoderConfig.from_encoder_decoder_configs(ViTConfig(), GPT2Config()), directory)


def write_model(config: VisionEncoderDecoderConfig, directory: Path) -> None:
    """A model of random weights, whose captions begin and end as GPT-2's texts do."""
    config.decoder_start_token_id = config.pad_token_id = config.eos_token_id = END
    VisionEncoderDecoderModel(config).save_pretrained(directory)


if __name__ == "__main__":
    run(
        __doc__,
        {
            "example": partial(with_trainer, length=PADDED_LENGTH, bf16=False),
            "best": partial(with_trainer, length=0, bf16=True),
            "podtune": ours,
            "podtune float32": partial(ours, precision="float32"),
        },
        {"vit-gpt2-base": write_base},
        captions={"type": int, "default": 5, "help": "of an image"},
    )
