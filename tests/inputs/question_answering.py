"""Small tokenizers, written out, like those of published models; and base models and data around them."""

import json
import string
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional

import pytest
from podtune.formats.base_model import BaseModelFacts
from podtune.formats.raw_data import RawDataFacts
from podtune.formats.sealed import sealing
from podtune.sections import to_mapping
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

MERGES = [("Ġ", "t"), ("h", "e"), ("Ġt", "he"), ("i", "n"), ("e", "r"), ("s", ","), ("Ġ", "Ġ")]


def like_bert() -> Tokenizer:
    """[PAD] 0, [UNK] 1, [CLS] 2, [SEP] 3; the 10; paris 11; a to z 100 to 125; ##a to ##z 200 to 225; . 12; , 13."""
    vocabulary = {"[PAD]": 0, "[UNK]": 1, "[CLS]": 2, "[SEP]": 3, "the": 10, "paris": 11, ".": 12, ",": 13}
    vocabulary.update({letter: 100 + number for number, letter in enumerate(string.ascii_lowercase)})
    vocabulary.update({f"##{letter}": 200 + number for number, letter in enumerate(string.ascii_lowercase)})
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.add_special_tokens(["[PAD]", "[UNK]", "[CLS]", "[SEP]"])
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    return tokenizer


def like_roberta() -> Tokenizer:
    """<s> 0, <pad> 1, </s> 2; then the 256 bytes, then MERGES from 259 on."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokens = ["<s>", "<pad>", "</s>", *alphabet, *("".join(pair) for pair in MERGES)]
    tokenizer = Tokenizer(models.BPE({token: number for number, token in enumerate(tokens)}, MERGES))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.add_special_tokens(["<s>", "<pad>", "</s>"])
    tokenizer.post_processor = processors.RobertaProcessing(
        ("</s>", 2), ("<s>", 0), trim_offsets=True, add_prefix_space=False
    )
    return tokenizer


def like_modernbert() -> Tokenizer:
    """[CLS] 0, [PAD] 1, [SEP] 2; then the 256 bytes and MERGES. A token's span includes the space before it."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokens = ["[CLS]", "[PAD]", "[SEP]", *alphabet, *("".join(pair) for pair in MERGES)]
    tokenizer = Tokenizer(models.BPE({token: number for number, token in enumerate(tokens)}, MERGES))
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.add_special_tokens(["[CLS]", "[PAD]", "[SEP]"])
    tokenizer.post_processor = _template("[CLS] $A [SEP]", "[CLS] $A [SEP] $B [SEP]", {"[CLS]": 0, "[SEP]": 2})
    return tokenizer


def like_xlm_roberta() -> Tokenizer:
    """<s> 0, <pad> 1, </s> 2, <unk> 3, ▁ 4, ▁the 5, a to z 6 to 31, é 32, 東 33; CamemBERT's is of this kind too."""
    pieces = ["▁", "▁the", *string.ascii_lowercase, "é", "東"]
    scored = [(special, 0.0) for special in ("<s>", "<pad>", "</s>", "<unk>")]
    scored += [(piece, -float(number)) for number, piece in enumerate(pieces, 1)]
    tokenizer = Tokenizer(models.Unigram(scored, unk_id=3))
    tokenizer.normalizer = normalizers.NFKC()
    words, mark = pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([words, mark])
    tokenizer.add_special_tokens(["<s>", "<pad>", "</s>", "<unk>"])
    tokenizer.post_processor = _template("<s> $A </s>", "<s> $A </s> </s> $B </s>", {"<s>": 0, "</s>": 2})
    return tokenizer


def like_albert() -> Tokenizer:
    """The same pieces without accents and capitals; [CLS] 0, <pad> 1, [SEP] 2, <unk> 3."""
    tokenizer = like_xlm_roberta()
    pieces = json.loads(tokenizer.to_str())["model"]["vocab"]
    special = [("[CLS]", 0.0), ("<pad>", 0.0), ("[SEP]", 0.0), ("<unk>", 0.0)]
    albert = Tokenizer(models.Unigram([*special, *((piece, score) for piece, score in pieces[4:])], unk_id=3))
    plain = [normalizers.NFKD(), normalizers.StripAccents(), normalizers.Lowercase()]
    albert.normalizer = normalizers.Sequence([normalizers.Replace("``", '"'), *plain])
    albert.pre_tokenizer = tokenizer.pre_tokenizer
    albert.add_special_tokens(["[CLS]", "<pad>", "[SEP]", "<unk>"])
    albert.post_processor = _template("[CLS] $A [SEP]", "[CLS] $A [SEP] $B:1 [SEP]:1", {"[CLS]": 0, "[SEP]": 2})
    return albert


def _template(single: str, pair: str, special: Dict[str, int]) -> Any:
    return processors.TemplateProcessing(single=single, pair=pair, special_tokens=list(special.items()))


TOKENIZERS = {
    "bert": like_bert,
    "roberta": like_roberta,
    "modernbert": like_modernbert,
    "xlm-roberta": like_xlm_roberta,
    "albert": like_albert,
}
CLASSIFIERS = {"bert": "[CLS]", "roberta": "<s>", "modernbert": "[CLS]", "xlm-roberta": "<s>", "albert": "[CLS]"}

WriteModel = Callable[..., Path]
WriteData = Callable[..., Path]


@pytest.fixture
def tokenizers() -> Dict[str, Callable[[], Tokenizer]]:
    return TOKENIZERS


@pytest.fixture
def write_model(tmp_path: Path) -> WriteModel:
    """Write a BaseModel with a tokenizer: like a published one, or the one given."""

    def written(
        kind: str = "bert",
        *,
        tokenizer: Any = None,
        config: Any = None,
        settings: Any = None,
        name: str = "model",
    ) -> Path:
        chosen = tokenizer or TOKENIZERS[kind]()
        values = {"model_type": kind, "vocab_size": 300, "max_position_embeddings": 66, "pad_token_id": 1}
        with sealing(tmp_path / name, "base-model", 1) as draft:
            chosen.save(str(draft.path / "tokenizer.json"))
            (draft.path / "config.json").write_text(json.dumps({**values, **(config or {})}))
            (draft.path / "tokenizer_config.json").write_text(
                json.dumps({"cls_token": CLASSIFIERS[kind], **(settings or {})})
            )
            draft.facts.update(to_mapping(BaseModelFacts("here", "tiny", "", "apache-2.0", kind)))
        return tmp_path / name

    return written


@pytest.fixture
def write_data(tmp_path: Path) -> WriteData:
    """Write RawData: split to the content of its SQuAD file."""

    def written(splits: Dict[str, Any], origins: Optional[Dict[str, str]] = None) -> Path:
        with sealing(tmp_path / "raw", "raw-data", 1) as draft:
            for name, content in splits.items():
                (draft.path / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")
            files = {name: f"{name}.json" for name in splits}
            draft.facts.update(to_mapping(RawDataFacts("here", "tiny", "", "cc0-1.0", files, origins or {})))
        return tmp_path / "raw"

    return written


def squad(context: str, *questions: Any, version: str = "1.1") -> Dict[str, Any]:
    """A SQuAD file with one context; questions as (id, question, answer, answer_start), or (id, question)."""
    asked: List[Dict[str, Any]] = []
    for name, question, *answer in questions:
        answers = [{"text": answer[0], "answer_start": answer[1]}] if answer else []
        asked.append({"id": name, "question": question, "answers": answers, "is_impossible": not answer})
    return {"version": version, "data": [{"title": "", "paragraphs": [{"context": context, "qas": asked}]}]}


@pytest.fixture
def squad_file() -> Callable[..., Dict[str, Any]]:
    return squad
