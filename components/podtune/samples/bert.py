"""A tiny BERT with new weights and a vocabulary for the sample data: a base model that needs no download."""

import json
from pathlib import Path
from typing import List

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

from podtune.samples.squad import FILLERS, KINDS

SPECIAL_TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


def write_sample_model(directory: Path, seed: int, layers: int, hidden: int, heads: int) -> None:
    """Write config.json, tokenizer.json, tokenizer_config.json, vocab.txt and model.safetensors."""
    import torch
    from transformers import BertConfig, BertModel

    directory.mkdir(parents=True, exist_ok=True)
    vocabulary = sample_vocabulary()
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=hidden,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        intermediate_size=4 * hidden,
        max_position_embeddings=512,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        BertModel(config, add_pooling_layer=False).save_pretrained(directory)
    (directory / "vocab.txt").write_text("\n".join(vocabulary) + "\n", encoding="utf-8")
    sample_tokenizer(vocabulary).save(str(directory / "tokenizer.json"))
    settings = {"tokenizer_class": "BertTokenizer", "do_lower_case": True, "model_max_length": 512}
    (directory / "tokenizer_config.json").write_text(json.dumps(settings, indent=1) + "\n", encoding="utf-8")


def sample_vocabulary() -> List[str]:
    """The sample's words, and every character both alone and as a continuation, so that no word is unknown."""
    texts = [*FILLERS, *(text for kind in KINDS for text in kind.words()), "Not everybody liked"]
    normalize, split = _normalizer(), pre_tokenizers.BertPreTokenizer()
    words = {word for text in texts for word, _ in split.pre_tokenize_str(normalize.normalize_str(text))}
    characters = {character for word in words for character in word} | set("abcdefghijklmnopqrstuvwxyz0123456789")
    continuations = {f"##{character}" for character in characters}
    return [*SPECIAL_TOKENS, *sorted(words | characters | continuations)]


def sample_tokenizer(vocabulary: List[str]) -> Tokenizer:
    """BERT's uncased WordPiece tokenizer over a vocabulary."""
    ids = {token: index for index, token in enumerate(vocabulary)}
    tokenizer = Tokenizer(models.WordPiece(vocab=ids, unk_token="[UNK]"))  # noqa: S106  # not a password
    tokenizer.normalizer = _normalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.add_special_tokens(list(SPECIAL_TOKENS))
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", ids["[CLS]"]), ("[SEP]", ids["[SEP]"])],
    )
    return tokenizer


def _normalizer() -> normalizers.Normalizer:
    return normalizers.BertNormalizer(lowercase=True)
