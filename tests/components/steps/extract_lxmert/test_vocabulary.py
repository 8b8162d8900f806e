import json
from pathlib import Path
from typing import Any

import pytest
from podtune.errors import BadInput
from podtune.formats.raw_data import DataFile
from podtune.steps.extract_lxmert.sources import make_vocabulary, read_answer_file


@pytest.mark.parametrize("content", [["", "net", "2"], {"net": 1, "2": 2, "": 0}])
def test_both_published_forms_give_answers_by_label(content: Any, tmp_path: Path) -> None:
    (tmp_path / "answers.json").write_text(json.dumps(content))

    assert read_answer_file(DataFile(tmp_path / "answers.json")) == ["", "net", "2"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (["net"], r"answers\.json: a vocabulary has at least two answers; got 1$"),
        (["net", "dog", "net"], r"answers\.json: the answer 'net' has 2 labels; it must have one$"),
        (
            ["net", "dog", "net", "dog"],
            r"answers\.json has 2 bad entries:\n  the answer 'net' has 2 labels; it must have one\n  the answer 'dog'",
        ),
        (["net", 2], r"answers\.json: answer 1 must be a text; got a whole number$"),
        ({"net": 0, "dog": 2}, r"answers\.json: the labels of 2 answers must be 0 to 1, each once$"),
        ({"net": 0, "dog": 0}, r"answers\.json: the labels of 2 answers must be 0 to 1, each once$"),
        ({"net": "0"}, r"answers\.json: the label of 'net' must be a whole number; got a text$"),
        ({"net": "0", "dog": None}, r"answers\.json has 2 bad entries:\n  the label of 'net' must be a whole number; "),
        ("net", r"answers\.json must be a list or an object; got a text$"),
    ],
)
def test_what_is_no_vocabulary_is_refused(content: Any, message: str, tmp_path: Path) -> None:
    (tmp_path / "answers.json").write_text(json.dumps(content))

    with pytest.raises(BadInput, match=message):
        read_answer_file(DataFile(tmp_path / "answers.json"))


def test_a_vocabulary_is_made_of_frequent_answers() -> None:
    chosen = ["yes"] * 9 + ["cat"] * 8 + ["no"] * 12 + ["dog"] * 9 + [""] * 20

    assert make_vocabulary(chosen, 9) == ["no", "dog", "yes"]


def test_too_few_frequent_answers_are_refused() -> None:
    with pytest.raises(BadInput, match=r"^1 of 2 answers are given to 9 questions; a vocabulary has at least two: "):
        make_vocabulary(["yes"] * 9 + ["no"] * 8, 9)
