import hashlib
from pathlib import Path
from typing import Dict

import pytest
from podtune.samples.models import squad_vocabulary, wordpiece_tokenizer, write_bert
from podtune.samples.squad import sample_split


def digests(directory: Path) -> Dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in directory.iterdir()}


def test_the_vocabulary_is_the_same_everywhere() -> None:
    content = "\n".join(squad_vocabulary()).encode()

    assert hashlib.sha256(content).hexdigest() == "735180770f25f30ab963ba06f37d4ebce1c45eb7f3403589890499403fc1e53d"


@pytest.mark.parametrize("split", ["train", "validation"])
def test_no_word_of_the_sample_is_unknown(split: str) -> None:
    tokenizer = wordpiece_tokenizer(squad_vocabulary())
    paragraphs = sample_split(split, 1, 2000)["data"][0]["paragraphs"]
    texts = [text for entry in paragraphs for text in (entry["context"], *(q["question"] for q in entry["qas"]))]

    assert sum(encoding.tokens.count("[UNK]") for encoding in tokenizer.encode_batch(texts)) == 0


def test_names_that_are_not_in_the_sample_are_spelt() -> None:
    tokenizer = wordpiece_tokenizer(squad_vocabulary())

    assert tokenizer.encode("Ödön", add_special_tokens=False).tokens == ["o", "##d", "##o", "##n"]


def test_a_pair_is_framed_as_bert_wants_it() -> None:
    encoding = wordpiece_tokenizer(squad_vocabulary()).encode("Who opened", "the door")

    assert encoding.tokens == ["[CLS]", "who", "opened", "[SEP]", "the", "door", "[SEP]"]
    assert encoding.type_ids == [0, 0, 0, 0, 1, 1, 1]


def test_some_contexts_fill_several_windows() -> None:
    tokenizer = wordpiece_tokenizer(squad_vocabulary())
    paragraphs = sample_split("train", 1, 4000)["data"][0]["paragraphs"]
    lengths = [len(encoding) for encoding in tokenizer.encode_batch([entry["context"] for entry in paragraphs])]

    assert sum(length > 384 for length in lengths) > 20
    assert sum(length > 96 for length in lengths) > 50


def test_a_seed_gives_the_same_files_and_another_seed_other_weights(tmp_path: Path) -> None:
    for name, seed in (("first", 1), ("again", 1), ("other", 2)):
        write_bert(tmp_path / name, seed, layers=1, hidden=8, heads=2)

    first, again, other = (digests(tmp_path / name) for name in ("first", "again", "other"))
    assert first == again
    assert {name for name in first if first[name] != other[name]} == {"model.safetensors"}


def test_transformers_loads_it(tmp_path: Path) -> None:
    from transformers import AutoModel, AutoTokenizer

    write_bert(tmp_path, 1, layers=2, hidden=16, heads=2)
    tokenizer, model = AutoTokenizer.from_pretrained(tmp_path), AutoModel.from_pretrained(tmp_path)

    batch = tokenizer("Who opened the door?", "José opened the door.", return_tensors="pt")
    assert tokenizer.is_fast
    assert list(batch["token_type_ids"][0][:1]) == [0]
    assert model(**batch).last_hidden_state.shape == (1, len(batch["input_ids"][0]), 16)
