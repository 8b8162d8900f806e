"""Tiny models with new weights and vocabularies for the sample data: base models that need no download."""

import json
from pathlib import Path
from typing import Any, Iterable, List, Mapping

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

from podtune.samples.captions import sample_words
from podtune.samples.squad import FILLERS, KINDS
from podtune.samples.visual_scenes import KINDS as THINGS
from podtune.samples.visual_scenes import QUESTIONS
from podtune.tasks.visual_question_answering.region_store import FEATURE_SIZE

_SPECIAL_TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
_BERT_TOKENS = 512
_LXMERT_TOKENS = 64
_ANSWERS = 16
"""Of LXMERT's head, which no answers are known of; training replaces its last layer."""

_LXMERT_WEIGHTS = 0.1
"""Their standard deviation: at BERT's 0.02 a model this narrow takes several times as long to learn."""

_END = "<|endoftext|>"
"""Before and after every caption."""

_IMAGE_SIZE, _PATCH_SIZE = 64, 16
"""Height and width in pixels of the images that the captioning model sees, and of their patches."""

_CAPTION_TOKENS = 64
_CAPTION_LAYERS = 2
"""Of the encoder, and of the decoder."""

_CAPTION_WEIGHTS = 0.05
"""Their standard deviation."""

_SPACE = "Ġ"
"""How GPT-2's tokenizers write a space."""


def write_bert(directory: Path, seed: int, layers: int, hidden: int, heads: int) -> None:
    """Write config.json, tokenizer.json, tokenizer_config.json, vocab.txt and model.safetensors."""
    from transformers import BertConfig, BertModel

    vocabulary = squad_vocabulary()
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=hidden,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        intermediate_size=4 * hidden,
        max_position_embeddings=_BERT_TOKENS,
    )
    _with_seed(seed, lambda: BertModel(config, add_pooling_layer=False)).save_pretrained(directory)
    _write_wordpiece(directory, vocabulary, _BERT_TOKENS)


def write_lxmert(directory: Path, seed: int, hidden: int, heads: int) -> None:
    """Write the same files."""
    from transformers import LxmertConfig, LxmertForQuestionAnswering

    vocabulary = question_vocabulary()
    config = LxmertConfig(
        vocab_size=len(vocabulary),
        hidden_size=hidden,
        num_attention_heads=heads,
        intermediate_size=4 * hidden,
        max_position_embeddings=_LXMERT_TOKENS,
        num_qa_labels=_ANSWERS,
        visual_feat_dim=FEATURE_SIZE,
        initializer_range=_LXMERT_WEIGHTS,
        l_layers=1,
        r_layers=1,
        x_layers=1,
    )
    _with_seed(seed, lambda: LxmertForQuestionAnswering(config)).save_pretrained(directory)
    _write_wordpiece(directory, vocabulary, _LXMERT_TOKENS)


def write_vit_gpt2(directory: Path, seed: int, hidden: int, heads: int) -> None:
    """Write configuration and weights, the tokenizer's files, and how images are made ready, as transformers does."""
    from transformers import GenerationConfig, VisionEncoderDecoderModel

    tokenizer = caption_tokenizer()
    model = _with_seed(seed, lambda: VisionEncoderDecoderModel(_caption_config(tokenizer, hidden, heads)))
    model.generation_config = GenerationConfig.from_model_config(model.config)
    model.save_pretrained(directory)
    tokenizer.save(str(directory / "tokenizer.json"))
    special = {"bos_token": _END, "eos_token": _END, "unk_token": _END}
    settings = {"tokenizer_class": "GPT2Tokenizer", "model_max_length": _CAPTION_TOKENS, "add_prefix_space": True}
    _write(directory / "tokenizer_config.json", {**settings, **special})
    processor = {"image_processor_type": "ViTImageProcessor", "size": {"height": _IMAGE_SIZE, "width": _IMAGE_SIZE}}
    halves = [0.5] * 3
    _write(
        directory / "preprocessor_config.json", {**processor, "resample": 2, "image_mean": halves, "image_std": halves}
    )


def squad_vocabulary() -> List[str]:
    """The words of the sample's contexts and questions, and every character alone and as a continuation."""
    return _vocabulary([*FILLERS, *(text for kind in KINDS for text in kind.words()), "Not everybody liked"])


def question_vocabulary() -> List[str]:
    """The same of the sample's questions about pictures.

    A plural is its singular and the continuation "s", so that what is learnt of the one holds for the other.
    """
    wordings = [wording for of_family in QUESTIONS.values() for wording in of_family]
    texts = [wording.format(thing) for thing in (*THINGS, "animal") for wording in wordings]
    return _vocabulary(texts, without=[f"{thing}s" for thing in THINGS])


def wordpiece_tokenizer(vocabulary: List[str]) -> Tokenizer:
    """BERT's uncased WordPiece tokenizer over a vocabulary."""
    ids = {token: index for index, token in enumerate(vocabulary)}
    tokenizer = Tokenizer(models.WordPiece(vocab=ids, unk_token="[UNK]"))  # noqa: S106  # not a password
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.add_special_tokens(list(_SPECIAL_TOKENS))
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", ids["[CLS]"]), ("[SEP]", ids["[SEP]"])],
    )
    return tokenizer


def caption_tokenizer() -> Tokenizer:
    """A tokenizer like GPT-2's, to which every word of the sample's captions is one token."""
    merged = {  # every beginning of every word with a space before it, of the two pieces that it is merged of
        _SPACE + word[:end]: (_SPACE + word[: end - 1], word[end - 1])
        for word in sample_words()
        for end in range(1, len(word) + 1)
    }
    vocabulary = [_END, *sorted(pre_tokenizers.ByteLevel.alphabet()), *merged]
    ids = {token: number for number, token in enumerate(vocabulary)}
    tokenizer = Tokenizer(models.BPE(ids, list(merged.values())))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([_END])
    return tokenizer


def _vocabulary(texts: Iterable[str], without: Iterable[str] = ()) -> List[str]:
    """Special tokens, the words of texts, and their characters both alone and as continuations: no word is unknown."""
    normalize, split = normalizers.BertNormalizer(lowercase=True), pre_tokenizers.BertPreTokenizer()
    words = {word for text in texts for word, _ in split.pre_tokenize_str(normalize.normalize_str(text))}
    words -= set(without)
    characters = {character for word in words for character in word} | set("abcdefghijklmnopqrstuvwxyz0123456789")
    continuations = {f"##{character}" for character in characters}
    return [*_SPECIAL_TOKENS, *sorted(words | characters | continuations)]


def _with_seed(seed: int, make: Any) -> Any:
    """What `make` returns, its weights drawn from this seed alone."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return make()


def _write_wordpiece(directory: Path, vocabulary: List[str], longest: int) -> None:
    (directory / "vocab.txt").write_text("\n".join(vocabulary) + "\n", encoding="utf-8")
    wordpiece_tokenizer(vocabulary).save(str(directory / "tokenizer.json"))
    settings = {"tokenizer_class": "BertTokenizer", "do_lower_case": True, "model_max_length": longest}
    _write(directory / "tokenizer_config.json", settings)


def _caption_config(tokenizer: Tokenizer, hidden: int, heads: int) -> Any:
    from transformers import GPT2Config, VisionEncoderDecoderConfig, ViTConfig

    encoder = ViTConfig(
        hidden_size=hidden,
        num_hidden_layers=_CAPTION_LAYERS,
        num_attention_heads=heads,
        intermediate_size=4 * hidden,
        image_size=_IMAGE_SIZE,
        patch_size=_PATCH_SIZE,
        initializer_range=_CAPTION_WEIGHTS,
    )
    end = tokenizer.token_to_id(_END)
    decoder = GPT2Config(
        vocab_size=tokenizer.get_vocab_size(),
        n_positions=_CAPTION_TOKENS,
        n_embd=hidden,
        n_layer=_CAPTION_LAYERS,
        n_head=heads,
        bos_token_id=end,
        eos_token_id=end,
        initializer_range=_CAPTION_WEIGHTS,
    )
    config = VisionEncoderDecoderConfig.from_encoder_decoder_configs(encoder, decoder)
    config.decoder_start_token_id = config.pad_token_id = config.eos_token_id = end
    return config


def _write(path: Path, values: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")
