"""A tiny ViT and GPT-2 with new weights and a tokenizer for the sample's captions: a base model without a download."""

import json
from pathlib import Path
from typing import Any, List, Mapping, Tuple

from tokenizers import Tokenizer, decoders, models, pre_tokenizers

from podtune.samples.caption_scenes import sample_words

END = "<|endoftext|>"
"""Before and after every caption."""

IMAGE_SIZE = 64
"""Height and width of the images that the model sees, in pixels."""

_PATCH_SIZE = 16
_LAYERS = 2
"""Of the encoder, and of the decoder."""

_WEIGHTS = 0.05
"""Their standard deviation."""

_LONGEST = 64
_SPACE = "Ġ"
"""How GPT-2's tokenizers write a space."""


def write_sample_model(directory: Path, seed: int, hidden: int, heads: int) -> None:
    """Write configuration and weights, the tokenizer's files, and how images are made ready, as transformers does."""
    import torch
    from transformers import GenerationConfig, VisionEncoderDecoderModel

    directory.mkdir(parents=True, exist_ok=True)
    tokenizer = sample_tokenizer()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = VisionEncoderDecoderModel(_config(tokenizer, hidden, heads))
    model.generation_config = GenerationConfig.from_model_config(model.config)
    model.save_pretrained(directory)
    tokenizer.save(str(directory / "tokenizer.json"))
    special = {"bos_token": END, "eos_token": END, "unk_token": END}
    settings = {"tokenizer_class": "GPT2Tokenizer", "model_max_length": _LONGEST, "add_prefix_space": True, **special}
    _write(directory / "tokenizer_config.json", settings)
    halves = [0.5] * 3
    _write(
        directory / "preprocessor_config.json",
        {
            "image_processor_type": "ViTImageProcessor",
            "size": {"height": IMAGE_SIZE, "width": IMAGE_SIZE},
            "resample": 2,
            "image_mean": halves,
            "image_std": halves,
        },
    )


def sample_tokenizer() -> Tokenizer:
    """A tokenizer like GPT-2's, to which every word of the sample's captions is one token."""
    pieces, merges = _merges(sample_words())
    vocabulary = [END, *sorted(pre_tokenizers.ByteLevel.alphabet()), *pieces]
    tokenizer = Tokenizer(models.BPE({token: number for number, token in enumerate(vocabulary)}, merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([END])
    return tokenizer


def _merges(words: List[str]) -> Tuple[List[str], List[Tuple[str, str]]]:
    """Every beginning of every word with a space before it, and the two pieces that it is merged of."""
    pairs = {_SPACE + word[:end]: (_SPACE + word[: end - 1], word[end - 1]) for word in words for end in _ends(word)}
    return list(pairs), list(pairs.values())


def _ends(word: str) -> range:
    return range(1, len(word) + 1)


def _config(tokenizer: Tokenizer, hidden: int, heads: int) -> Any:
    from transformers import GPT2Config, VisionEncoderDecoderConfig, ViTConfig

    encoder = ViTConfig(
        hidden_size=hidden,
        num_hidden_layers=_LAYERS,
        num_attention_heads=heads,
        intermediate_size=4 * hidden,
        image_size=IMAGE_SIZE,
        patch_size=_PATCH_SIZE,
        initializer_range=_WEIGHTS,
    )
    end = tokenizer.token_to_id(END)
    decoder = GPT2Config(
        vocab_size=tokenizer.get_vocab_size(),
        n_positions=_LONGEST,
        n_embd=hidden,
        n_layer=_LAYERS,
        n_head=heads,
        bos_token_id=end,
        eos_token_id=end,
        initializer_range=_WEIGHTS,
    )
    config = VisionEncoderDecoderConfig.from_encoder_decoder_configs(encoder, decoder)
    config.decoder_start_token_id = config.pad_token_id = config.eos_token_id = end
    return config


def _write(path: Path, values: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")
