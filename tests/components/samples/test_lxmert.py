import hashlib
from pathlib import Path
from typing import Dict

import pytest
from podtune.samples.models import question_vocabulary, wordpiece_tokenizer, write_lxmert
from podtune.samples.visual import write_visual_questions


def digests(directory: Path) -> Dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in directory.iterdir()}


def test_the_vocabulary_is_the_same_everywhere() -> None:
    content = "\n".join(question_vocabulary()).encode()

    assert hashlib.sha256(content).hexdigest() == "10ef40db2b9f2eabc1d13b1d4097c76611739acb858b42b129186002d91e479b"


def test_a_plural_is_its_singular_and_an_ending() -> None:
    tokenizer = wordpiece_tokenizer(question_vocabulary())

    tokens = tokenizer.encode("How many horses are there?").tokens

    assert tokens == ["[CLS]", "how", "many", "horse", "##s", "are", "there", "?", "[SEP]"]


@pytest.mark.parametrize("kind", ["vqa", "gqa"])
def test_no_word_of_the_sample_is_unknown_and_questions_are_short(tmp_path: Path, kind: str) -> None:
    import json

    tokenizer = wordpiece_tokenizer(question_vocabulary())
    write_visual_questions(tmp_path, seed=1, train=200, validation=20, kind=kind)
    found = json.loads((tmp_path / "train.questions.json").read_text(encoding="utf-8"))
    asked = found["questions"] if kind == "vqa" else found.values()

    encodings = tokenizer.encode_batch([question["question"] for question in asked])

    assert sum(encoding.tokens.count("[UNK]") for encoding in encodings) == 0
    assert max(map(len, encodings)) <= 20


def test_a_seed_gives_the_same_files_and_another_seed_other_weights(tmp_path: Path) -> None:
    for name, seed in (("first", 1), ("again", 1), ("other", 2)):
        write_lxmert(tmp_path / name, seed, hidden=8, heads=2)

    first, again, other = (digests(tmp_path / name) for name in ("first", "again", "other"))
    assert first == again
    assert {name for name in first if first[name] != other[name]} == {"model.safetensors"}


def test_transformers_loads_it(tmp_path: Path) -> None:
    import torch
    from transformers import AutoTokenizer, LxmertForQuestionAnswering

    write_lxmert(tmp_path, 1, hidden=16, heads=2)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    model = LxmertForQuestionAnswering.from_pretrained(tmp_path)

    batch = tokenizer("Where are the cats?", return_tensors="pt")
    found = model(**batch, visual_feats=torch.zeros(1, 36, 2048), visual_pos=torch.zeros(1, 36, 4))
    assert tokenizer.is_fast
    assert found.question_answering_score.shape == (1, 16)
