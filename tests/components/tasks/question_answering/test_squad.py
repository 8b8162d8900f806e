import json
from pathlib import Path
from typing import Any, Callable, Dict, List

import pyarrow as pa
import pyarrow.parquet
import pytest
from podtune.errors import BadInput
from podtune.formats.raw_data import DataFile
from podtune.tasks.question_answering.questions import Answer, Question
from podtune.tasks.question_answering.squad import read_squad

CONTEXT = "Das Café in Zürich öffnet um acht."


def question(**changes: Any) -> Dict[str, Any]:
    return {"id": "a", "question": "Wo?", "answers": [{"text": "Zürich", "answer_start": 12}], **changes}


def document(*questions: Any, version: str = "1.1") -> Dict[str, Any]:
    paragraphs = [{"context": CONTEXT, "qas": list(questions)}]
    return {"version": version, "data": [{"title": "Café", "paragraphs": paragraphs}]}


@pytest.fixture
def write(tmp_path: Path) -> Callable[[Any], Path]:
    """Write a value as JSON, text and bytes as they are."""

    def written(content: Any) -> Path:
        path = tmp_path / "train.json"
        if not isinstance(content, (bytes, str)):
            content = json.dumps(content)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return written


@pytest.fixture
def write_parquet(tmp_path: Path) -> Callable[..., Path]:
    """Write questions on one context as the Hub does."""

    def written(answers: List[Any], **columns: Any) -> Path:
        ids = [f"q{number}" for number in range(len(answers))]
        table = {"id": ids, "title": ids, "context": [CONTEXT] * len(ids), "question": ["Wo?"] * len(ids)}
        path = tmp_path / "train.parquet"
        kept = {name: column for name, column in {**table, "answers": answers, **columns}.items() if column}
        pa.parquet.write_table(pa.table(kept), path)
        return path

    return written


def test_questions_keep_their_order_and_contexts_are_kept_once(write: Any) -> None:
    first, second = question(id="a", question="  Wo? "), question(id="b")
    content = document(first)
    content["data"].append({"paragraphs": [{"context": "Zürich", "qas": [question(id="c", answers=[])]}]})
    content["data"][1]["paragraphs"][0]["qas"][0]["answers"] = [{"text": "Zürich", "answer_start": 0}]
    content["data"].append(document(second)["data"][0])

    split = read_squad(DataFile(write(content)))

    assert split.version == "1.1"
    assert split.contexts == [CONTEXT, "Zürich"]
    assert split.questions == [
        Question("a", "  Wo? ", (Answer("Zürich", 12),), is_impossible=False, context=0),
        Question("c", "Wo?", (Answer("Zürich", 0),), is_impossible=False, context=1),
        Question("b", "Wo?", (Answer("Zürich", 12),), is_impossible=False, context=0),
    ]


def test_version_2_has_impossible_questions_and_their_plausible_answers_are_left(write: Any) -> None:
    impossible = question(id="b", answers=[], is_impossible=True, plausible_answers=[{"text": "x", "answer_start": 0}])

    split = read_squad(DataFile(write(document(question(is_impossible=False), impossible, version="v2.0"))))

    assert split.version == "2.0"
    assert [asked.is_impossible for asked in split.questions] == [False, True]
    assert split.questions[1].answers == ()


def test_a_byte_order_mark_is_no_mistake(write: Any) -> None:
    split = read_squad(DataFile(write(b"\xef\xbb\xbf" + json.dumps(document(question())).encode())))

    assert len(split.questions) == 1


def test_the_hubs_parquet_says_the_same(write_parquet: Any) -> None:
    split = read_squad(DataFile(write_parquet([{"text": ["Zürich", "acht"], "answer_start": [12, 29]}])))

    assert split.version == "1.1"
    assert split.contexts == [CONTEXT]
    assert split.questions == [
        Question("q0", "Wo?", (Answer("Zürich", 12), Answer("acht", 29)), is_impossible=False, context=0)
    ]


def test_parquet_without_an_answer_is_version_2(write_parquet: Any) -> None:
    answers = [{"text": ["Zürich"], "answer_start": [12]}, {"text": [], "answer_start": []}]

    split = read_squad(DataFile(write_parquet(answers)))

    assert split.version == "2.0"
    assert [asked.is_impossible for asked in split.questions] == [False, True]


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ([question(), question()], r"qas\[1\]: the id 'a' was given to an earlier question; ids must differ$"),
        ([question(answers=[])], r"qas\[0\] \(question 'a'\): a question needs an answer, or version v2\.0 and"),
        ([question(is_impossible=True)], r"qas\[0\] \(question 'a'\): is_impossible must be false in version 1\.1$"),
        (
            [question(answers=[{"text": "Zürich", "answer_start": 11}])],
            r"\(question 'a'\): the answer 'Zürich' is not in its context at character 11; it is at 12$",
        ),
        (
            [question(answers=[{"text": "Bern", "answer_start": -4}])],
            r"the answer 'Bern' is not in its context at character -4; its context does not contain it$",
        ),
        ([question(answers=[{"text": ".", "answer_start": -1}])], r"not in its context at character -1; it is at 33$"),
        ([question(answers=[{"text": "", "answer_start": 3}])], r"\(question 'a'\): an answer must not be empty$"),
        (
            [question(answers=[{"text": "acht"}])],
            r"qas\[0\]\.answers\[0\] is not SQuAD: it has no 'answer_start'; it has 'text'$",
        ),
        ([question(answers=None)], r"qas\[0\] is not SQuAD: answers must be a list; got null$"),
        ([question(id=7)], r"qas\[0\] is not SQuAD: id must be a text; got a whole number$"),
        ([7], r"qas\[0\] is not SQuAD: it must be an object with 'answers'; got a whole number$"),
        ([question(question="\ud800")], r"qas\[0\]: question holds half a character at 0: a lone surrogate$"),
    ],
)
def test_a_wrong_question_is_refused_with_its_place(write: Any, asked: List[Any], message: str) -> None:
    with pytest.raises(BadInput, match=message) as refusal:
        read_squad(DataFile(write(document(*asked))))

    assert "train.json: data[0].paragraphs[0].qas[" in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_all_that_is_wrong_is_named(write: Any) -> None:
    content = document(
        question(answers=[{"text": "Zürich", "answer_start": 11}]),
        question(id="b"),
        question(id=7),
        question(id="c", answers=[]),
        question(id="b"),
    )
    content["data"][0]["paragraphs"] += [{"context": CONTEXT}, {"qas": []}]
    content["data"].append({"paragraphs": None})

    with pytest.raises(BadInput) as refusal:
        read_squad(DataFile(write(content), "s3://mine/squad/train.json"))

    assert str(refusal.value).split("\n") == [
        "s3://mine/squad/train.json has 7 bad entries:",
        "  data[0].paragraphs[0].qas[0] (question 'a'): the answer 'Zürich' is not in its context at character 11;"
        " it is at 12",
        "  data[0].paragraphs[0].qas[2] is not SQuAD: id must be a text; got a whole number",
        "  data[0].paragraphs[0].qas[3] (question 'c'): a question needs an answer, or version v2.0 and"
        " is_impossible true",
        "  data[0].paragraphs[0].qas[4]: the id 'b' was given to an earlier question; ids must differ",
        "  data[0].paragraphs[1] is not SQuAD: it has no 'qas'; it has 'context'",
        "  data[0].paragraphs[2] is not SQuAD: it has no 'context'; it has 'qas'",
        "  data[1] is not SQuAD: paragraphs must be a list; got null",
    ]


def test_all_that_is_wrong_in_parquet_is_named(write_parquet: Any) -> None:
    answers = [{"text": [""], "answer_start": [1]}, {"text": ["acht"], "answer_start": [29]}]
    answers += [{"text": ["Bern"], "answer_start": [0]}, {"text": ["acht"], "answer_start": [29, 1]}]

    with pytest.raises(BadInput) as refusal:
        read_squad(DataFile(write_parquet(answers), "train.parquet"))

    assert str(refusal.value).split("\n") == [
        "train.parquet has 3 bad entries:",
        "  row 3: answers must have as many answer_start as text; got 2 and 1",
        "  row 0 (question 'q0'): an answer must not be empty",
        "  row 2 (question 'q2'): the answer 'Bern' is not in its context at character 0; its context does not"
        " contain it",
    ]


def test_an_impossible_question_has_no_answers(write: Any) -> None:
    with pytest.raises(BadInput, match=r"an impossible question must have no answers; it has 1$"):
        read_squad(DataFile(write(document(question(is_impossible=True), version="v2.0"))))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"version": "1.1", "data": []}, r"train\.json holds no question$"),
        (document(), r"train\.json holds no question$"),
        ([], r"train\.json is not SQuAD: it must be an object with 'version'; got a list$"),
        ({"data": []}, r"train\.json is not SQuAD: it has no 'version'; it has 'data'$"),
        ({"version": "3", "data": []}, r"train\.json: version must be 1\.1 or v2\.0; got '3'$"),
        ({"version": "1.1", "data": [{"rows": []}]}, r"data\[0\] is not SQuAD: it has no 'paragraphs'; it has 'rows'$"),
        (json.dumps(document(question()))[:80], r"is cut off: its JSON ends unfinished after 80 characters$"),
        (json.dumps(document(question()))[:-1], r"is cut off: its JSON ends unfinished after \d+ characters$"),
        (b"", r"is cut off: its JSON ends unfinished after 0 characters$"),
        ("id,question\n", r"is not JSON in UTF-8 or Parquet: Expecting value: line 1 column 1 \(char 0\)$"),
        (
            b"\x89PNG",
            r"is not JSON in UTF-8 or Parquet: line 1: 'utf-8' codec can't decode byte 0x89 in position 0: ",
        ),
        (b"PAR1 and then nothing", r"train\.json is cut off or damaged Parquet: "),
    ],
)
def test_a_file_that_is_not_squad_is_refused(write: Any, content: Any, message: str) -> None:
    with pytest.raises(BadInput, match=message) as refusal:
        read_squad(DataFile(write(content)))

    assert "\n" not in str(refusal.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"nothing\.json does not exist; it should be a SQuAD file$"):
        read_squad(DataFile(tmp_path / "nothing.json"))


@pytest.mark.parametrize(
    ("answers", "columns", "message"),
    [
        ([{"text": ["Bern"], "answer_start": [0]}], {}, r"row 0 \(question 'q0'\): the answer 'Bern' is not in"),
        ([{"text": ["acht"], "answer_start": [29, 1]}], {}, r"row 0: answers must have as many answer_start as text"),
        ([{"text": ["acht"], "answer_start": [29]}], {"context": None}, r"is not SQuAD: it has no column context$"),
        ([["acht"]], {}, r"row 0 is not SQuAD: answers must be an object; got a list$"),
        ([None], {}, r"row 0 is not SQuAD: answers must be an object; got null$"),
    ],
)
def test_wrong_parquet_is_refused_with_its_row(
    write_parquet: Any, answers: List[Any], columns: Dict[str, Any], message: str
) -> None:
    with pytest.raises(BadInput, match=message):
        read_squad(DataFile(write_parquet(answers, **columns)))


def test_parquet_that_is_cut_off_is_refused(write_parquet: Any) -> None:
    path = write_parquet([{"text": ["acht"], "answer_start": [29]}])
    path.write_bytes(path.read_bytes()[:-10])

    with pytest.raises(BadInput, match=r"train\.parquet is cut off or damaged Parquet: "):
        read_squad(DataFile(path))
