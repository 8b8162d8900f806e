import hashlib
from pathlib import Path
from typing import Any, Dict, Iterator, Tuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from podtune.formats.raw_data import DataFile
from podtune.samples.squad import sample_split, write_squad
from podtune.tasks.question_answering.squad import read_squad

# The same on every machine and every Python: the reuse of earlier runs and the
# demo's result stand on them.
FILES = {
    ("1.1", "train.json"): "c8e7743210b812cfd4788096ebb46b520699c1ad9958763ea85a3f8425991b2b",
    ("1.1", "validation.json"): "9660e066c7cf450f27a37099cb3c28f6f6fe95f1ac6b84502a2bbbd6f71ea607",
    ("2.0", "train.json"): "929e1241f67b7bb39bfc0fc4a0711d37ed259524991452e1b923849b1d062cd4",
    ("2.0", "validation.json"): "d3cf87edad9e16950e82a60bec9db73f8cab7e6d87bbf106840596f13ef1037f",
}


def pairs(split: Dict[str, Any]) -> Iterator[Tuple[str, Dict[str, Any]]]:
    """Every question with its context."""
    for paragraph in split["data"][0]["paragraphs"]:
        for question in paragraph["qas"]:
            yield paragraph["context"], question


@pytest.mark.parametrize(("version", "name"), list(FILES))
def test_a_seed_gives_the_same_bytes_everywhere(tmp_path: Path, version: str, name: str) -> None:
    write_squad(tmp_path, seed=1, train=40, validation=20, version=version)

    assert hashlib.sha256((tmp_path / name).read_bytes()).hexdigest() == FILES[version, name]


def test_another_seed_gives_other_paragraphs() -> None:
    first, second = sample_split("train", 1, 200), sample_split("train", 2, 200)

    assert not {context for context, _ in pairs(first)} & {context for context, _ in pairs(second)}


def test_no_paragraph_of_the_validation_is_in_the_training() -> None:
    train, validation = sample_split("train", 1, 4000), sample_split("validation", 1, 500)

    assert not {context for context, _ in pairs(train)} & {context for context, _ in pairs(validation)}


@settings(max_examples=50, deadline=None)
@given(
    st.integers(0, 10**9), st.integers(1, 30), st.sampled_from(["train", "validation"]), st.sampled_from(["1.1", "2.0"])
)
def test_every_answer_is_in_its_context_at_its_offset(seed: int, count: int, split: str, version: str) -> None:
    found = list(pairs(sample_split(split, seed, count, version)))

    assert len(found) == len({question["id"] for _, question in found}) == count
    for context, question in found:
        assert bool(question["answers"]) != question.get("is_impossible", False)
        for answer in question["answers"]:
            assert context.startswith(answer["text"], answer["answer_start"])


def test_the_data_have_what_makes_squad_hard() -> None:
    found = list(pairs(sample_split("train", 1, 4000)))
    answers = [(context, question["answers"][0]) for context, question in found]

    assert sum(context.index(answer["text"]) != answer["answer_start"] for context, answer in answers) > 200
    assert sum(not answer["text"].isascii() for _, answer in answers) > 500
    assert sum(question["question"] != question["question"].strip() for _, question in found) > 100
    assert sum(len(context.split()) > 300 for context, _ in found) > 100
    assert {len(question["answers"]) for _, question in found} == {1}
    assert {len(question["answers"]) for _, question in pairs(sample_split("validation", 1, 40))} == {3}


@pytest.mark.parametrize(("version", "impossible"), [("1.1", 0), ("2.0", 10)])
def test_our_reader_takes_both_versions(tmp_path: Path, version: str, impossible: int) -> None:
    write_squad(tmp_path, seed=1, train=40, validation=8, version=version)

    split, bad_rows = read_squad(DataFile(tmp_path / "train.json"))

    assert bad_rows.entries == []
    assert (len(split.questions), len(split.contexts)) == (40, 10)
    assert sum(question.is_impossible for question in split.questions) == impossible
