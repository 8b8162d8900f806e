"""A tiny LXMERT with new weights and a vocabulary for the sample's questions: a base model that needs no download."""

import json
from pathlib import Path
from typing import List

from tokenizers import normalizers, pre_tokenizers

from podtune.samples.bert import SPECIAL_TOKENS, sample_tokenizer
from podtune.samples.visual_regions import FEATURES
from podtune.samples.visual_scenes import KINDS, QUESTIONS

_LAYERS = {"l_layers": 1, "r_layers": 1, "x_layers": 1}
_LONGEST = 64
_ANSWERS = 16
"""Of the head, which no answers are known of; training replaces its last layer."""

_WEIGHTS = 0.1
"""Their standard deviation: at BERT's 0.02 a model this narrow takes several times as long to learn."""


def write_sample_model(directory: Path, seed: int, hidden: int, heads: int) -> None:
    """Write config.json, tokenizer.json, tokenizer_config.json, vocab.txt and model.safetensors."""
    import torch
    from transformers import LxmertConfig, LxmertForQuestionAnswering

    directory.mkdir(parents=True, exist_ok=True)
    vocabulary = sample_vocabulary()
    config = LxmertConfig(
        vocab_size=len(vocabulary),
        hidden_size=hidden,
        num_attention_heads=heads,
        intermediate_size=4 * hidden,
        max_position_embeddings=_LONGEST,
        num_qa_labels=_ANSWERS,
        visual_feat_dim=FEATURES,
        initializer_range=_WEIGHTS,
        **_LAYERS,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        LxmertForQuestionAnswering(config).save_pretrained(directory)
    (directory / "vocab.txt").write_text("\n".join(vocabulary) + "\n", encoding="utf-8")
    sample_tokenizer(vocabulary).save(str(directory / "tokenizer.json"))
    settings = {"tokenizer_class": "BertTokenizer", "do_lower_case": True, "model_max_length": _LONGEST}
    (directory / "tokenizer_config.json").write_text(json.dumps(settings, indent=1) + "\n", encoding="utf-8")


def sample_vocabulary() -> List[str]:
    """The words of the sample's questions, and every character both alone and as a continuation.

    A plural is its singular and the continuation "s", so that what is learnt of the one holds for the other.
    """
    texts = [
        wording.format(kind) for kind in (*KINDS, "animal") for wordings in QUESTIONS.values() for wording in wordings
    ]
    normalize, split = normalizers.BertNormalizer(lowercase=True), pre_tokenizers.BertPreTokenizer()
    words = {word for text in texts for word, _ in split.pre_tokenize_str(normalize.normalize_str(text))}
    words -= {f"{kind}s" for kind in KINDS}
    characters = {character for word in words for character in word} | set("abcdefghijklmnopqrstuvwxyz0123456789")
    continuations = {f"##{character}" for character in characters}
    return [*SPECIAL_TOKENS, *sorted(words | characters | continuations)]
