import gzip
import json
from pathlib import Path
from typing import Any, Callable, Dict, List

import pyarrow as pa
import pyarrow.parquet
import pytest
from podtune.errors import BadInput
from podtune.formats.bad_rows import BadRows
from podtune.formats.raw_data import DataFile
from podtune.tasks.question_answering import squad
from podtune.tasks.question_answering.questions import Answer, Question
from podtune.tasks.question_answering.squad import SquadSplit

CONTEXT = "Das Café in Zürich öffnet um acht."


def read_squad(file: DataFile) -> SquadSplit:
    """Read a file that may have no bad question."""
    split, bad_rows = squad.read_squad(file)
    without_cure = BadRows(file)
    for complaint in bad_rows.complaints:
        without_cure.add(complaint)
    without_cure.stop()
    return split


def question(**changes: Any) -> Dict[str, Any]:
    return {"id": "a", "question": "Wo?", "answers": [{"text": "Zürich", "answer_start": 12}], **changes}


def document(*questions: Any, version: Any = "1.1") -> Dict[str, Any]:
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

    assert split.contexts == [CONTEXT, "Zürich"]
    assert split.questions == [
        Question("a", "  Wo? ", (Answer("Zürich", 12),), is_impossible=False, context=0),
        Question("c", "Wo?", (Answer("Zürich", 0),), is_impossible=False, context=1),
        Question("b", "Wo?", (Answer("Zürich", 12),), is_impossible=False, context=0),
    ]


def test_version_2_has_impossible_questions_and_their_plausible_answers_are_left(write: Any) -> None:
    impossible = question(id="b", answers=[], is_impossible=True, plausible_answers=[{"text": "x", "answer_start": 0}])

    split = read_squad(DataFile(write(document(question(is_impossible=False), impossible, version="v2.0"))))

    assert [asked.is_impossible for asked in split.questions] == [False, True]
    assert split.questions[1].answers == ()


def test_a_byte_order_mark_is_no_mistake(write: Any) -> None:
    split = read_squad(DataFile(write(b"\xef\xbb\xbf" + json.dumps(document(question())).encode())))

    assert len(split.questions) == 1


def test_the_hubs_parquet_says_the_same(write_parquet: Any) -> None:
    split = read_squad(DataFile(write_parquet([{"text": ["Zürich", "acht"], "answer_start": [12, 29]}])))

    assert split.contexts == [CONTEXT]
    assert split.questions == [
        Question("q0", "Wo?", (Answer("Zürich", 12), Answer("acht", 29)), is_impossible=False, context=0)
    ]


def test_parquet_without_an_answer_is_impossible(write_parquet: Any) -> None:
    answers = [{"text": ["Zürich"], "answer_start": [12]}, {"text": [], "answer_start": []}]

    split = read_squad(DataFile(write_parquet(answers)))

    assert [asked.is_impossible for asked in split.questions] == [False, True]


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ([question(), question()], r"qas\[1\]: the id 'a' was given to an earlier question; ids must differ$"),
        (
            [question(answers=[], is_impossible=False)],
            r"\(question 'a'\): is_impossible is false, and there is no answer; one of them must be otherwise$",
        ),
        ([question(is_impossible="no")], r"qas\[0\] is not SQuAD: is_impossible must be true or false; got a text$"),
        (
            [question(answers=[{"text": "Zürich", "answer_start": 11}])],
            r"\(question 'a'\): the answer 'Zürich' is not in its context at character 11; it is at 12$",
        ),
        (
            [question(answers=[{"text": "Bern", "answer_start": -4}])],
            r"the answer 'Bern' is not in its context at character -4; its context does not contain it$",
        ),
        ([question(answers=[{"text": ".", "answer_start": -1}])], r"not in its context at character -1; it is at 33$"),
        (
            [question(answers={"text": ["acht"], "answer_start": [29, 1]})],
            r"qas\[0\]: answers must be lists of one length; got 1 text, 2 answer_start$",
        ),
        ([question(answers=["acht"])], r"qas\[0\]\.answers\[0\] is not SQuAD: it must be an object; got a text$"),
        (
            [question(answers=[{"text": "acht", "answer_start": 29.5}])],
            r"answers\[0\] is not SQuAD: answer_start must be a whole number; got a number$",
        ),
        (
            [question(answers=[{"text": "acht"}])],
            r"qas\[0\]\.answers\[0\] is not SQuAD: it has no 'answer_start'; it has 'text'$",
        ),
        ([question(answers="acht")], r"qas\[0\] is not SQuAD: answers must be a list or an object; got a text$"),
        ([question(id=True)], r"qas\[0\] is not SQuAD: id must be a text or a whole number; got true or false$"),
        ([7], r"qas\[0\] is not SQuAD: it must be an object with 'question'; got a whole number$"),
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
        question(id=[7]),
        question(id="c", answers=[], is_impossible=False),
        question(id="b"),
    )
    content["data"][0]["paragraphs"] += [{"context": CONTEXT}, {"qas": [question(id="d")]}]
    content["data"].append({"paragraphs": {}})

    with pytest.raises(BadInput) as refusal:
        read_squad(DataFile(write(content), "s3://mine/squad/train.json"))

    assert str(refusal.value).split("\n") == [
        "s3://mine/squad/train.json has 7 bad entries:",
        "  data[0].paragraphs[0].qas[0] (question 'a'): the answer 'Zürich' is not in its context at character 11;"
        " it is at 12",
        "  data[0].paragraphs[0].qas[2] is not SQuAD: id must be a text or a whole number; got a list",
        "  data[0].paragraphs[0].qas[3] (question 'c'): is_impossible is false, and there is no answer; one of them"
        " must be otherwise",
        "  data[0].paragraphs[0].qas[4]: the id 'b' was given to an earlier question; ids must differ",
        "  data[0].paragraphs[1] is not SQuAD: it has no 'question'; it has 'context'",
        "  data[0].paragraphs[2].qas[0] is not SQuAD: it has no 'context', nor has what holds it",
        "  data[1] is not SQuAD: paragraphs must be a list; got an object",
    ]


def test_all_that_is_wrong_in_parquet_is_named(write_parquet: Any) -> None:
    answers = [{"text": ["", "acht"], "answer_start": [1, 29]}, {"text": ["acht"], "answer_start": [29]}]
    answers += [{"text": ["Bern"], "answer_start": [0]}, {"text": ["acht"], "answer_start": [29, 1]}]

    with pytest.raises(BadInput) as refusal:
        read_squad(DataFile(write_parquet(answers), "train.parquet"))

    assert str(refusal.value).split("\n") == [
        "train.parquet has 2 bad entries:",
        "  row 2 (question 'q2'): the answer 'Bern' is not in its context at character 0; its context does not"
        " contain it",
        "  row 3: answers must be lists of one length; got 1 text, 2 answer_start",
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"version": "1.1", "data": []}, r"train\.json holds no question$"),
        (document(), r"train\.json holds no question$"),
        ([], r"train\.json holds no question$"),
        ({"version": "1.1", "data": [{"rows": []}]}, r"data\[0\] is not SQuAD: it has no 'question'; it has 'rows'$"),
        (
            document(question(answers=[])),
            r"train\.json has no question with an answer; answers stand under ",
        ),
        ('{"id": 1}\n{"id": 2', r"is cut off: its JSON ends unfinished after 18 characters$"),
        ('{"id": 1}\n\n{"id": 2, "id": 3}', r"the key 'id' is given twice in an object$"),
        (b"\x1f\x8b and then nothing", r"train\.json is cut off or damaged gzip: "),
        (gzip.compress(json.dumps(document(question())).encode())[:-9], r"is cut off or damaged gzip: "),
        (json.dumps(document(question()))[:80], r"is cut off: its JSON ends unfinished after 80 characters$"),
        (json.dumps(document(question()))[:-1], r"is cut off: its JSON ends unfinished after \d+ characters$"),
        (b"", r"is empty; it should be JSON or JSON Lines in UTF-8, Parquet or Arrow, as it is or as \.gz$"),
        (b" \n", r"is empty; it should be JSON or JSON Lines in UTF-8, Parquet or Arrow, as it is or as \.gz$"),
        (
            "id,question\n",
            r"is not JSON or JSON Lines in UTF-8, Parquet or Arrow, as it is or as \.gz: Expecting value: line 1 col",
        ),
        (
            b"\x89PNG",
            r"Parquet or Arrow, as it is or as \.gz: line 1: 'utf-8' codec can't decode byte 0x89 in position 0: ",
        ),
        (b"PAR1 and then nothing", r"train\.json is cut off or damaged Parquet: "),
    ],
)
def test_a_file_that_is_not_squad_is_refused(write: Any, content: Any, message: str) -> None:
    with pytest.raises(BadInput, match=message) as refusal:
        read_squad(DataFile(write(content)))

    assert "\n" not in str(refusal.value)


def rows(*questions: Any) -> List[Dict[str, Any]]:
    return [{"title": "Café", "context": CONTEXT, **asked} for asked in questions]


FIRST = {"id": "a", "question": "Wo?", "answers": {"text": ["Zürich"], "answer_start": [12]}}
SECOND = {"id": "b", "question": "Wer?", "answers": {"text": [], "answer_start": []}}
FORMS: Dict[str, Any] = {
    "articles": document(FIRST, SECOND),
    "paragraphs": {"data": [{"context": CONTEXT, "qas": [FIRST, SECOND]}]},
    "a list of paragraphs": [{"context": CONTEXT, "qas": [FIRST, SECOND]}],
    "a context for an article": {"data": [{"context": CONTEXT, "paragraphs": [{"qas": [FIRST, SECOND]}]}]},
    "questions": {"version": "0.1.0", "data": rows(FIRST, SECOND)},
    "a list of questions": rows(FIRST, SECOND),
    "lines of questions": "\n".join(map(json.dumps, rows(FIRST, SECOND))) + "\n",
    "lines of paragraphs": json.dumps({"context": CONTEXT, "qas": [FIRST, SECOND]}),
    "lines of articles": "\r\n\r\n".join(json.dumps(document(asked)["data"][0]) for asked in (FIRST, SECOND)),
}
BOTH = [
    Question("a", "Wo?", (Answer("Zürich", 12),), is_impossible=False, context=0),
    Question("b", "Wer?", (), is_impossible=True, context=0),
]


@pytest.mark.parametrize("form", FORMS)
def test_every_form_says_the_same_also_as_gzip_and_after_a_byte_order_mark(write: Any, form: str) -> None:
    content = FORMS[form] if isinstance(FORMS[form], str) else json.dumps(FORMS[form])
    plain, marked = content.encode(), b"\xef\xbb\xbf" + content.encode()

    for written in (plain, marked, gzip.compress(plain), gzip.compress(marked)):
        split = read_squad(DataFile(write(written)))

        assert (split.questions, split.contexts) == (BOTH, [CONTEXT])


OBJECTS = [{**FIRST, "answers": [{"text": "Zürich", "answer_start": 12}]}, {**SECOND, "answers": []}]


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("asked", [[FIRST, SECOND], OBJECTS])
def test_parquet_may_have_an_object_of_lists_or_a_list_of_objects(
    tmp_path: Path, asked: List[Any], packed: bool
) -> None:
    path = tmp_path / "train.parquet"
    pa.parquet.write_table(pa.Table.from_pylist(rows(*asked)), path)
    path.write_bytes(gzip.compress(path.read_bytes()) if packed else path.read_bytes())

    assert read_squad(DataFile(path)).questions == BOTH


def test_a_table_of_something_else_is_refused(tmp_path: Path) -> None:
    pa.parquet.write_table(pa.table({"text": ["acht"]}), tmp_path / "train.parquet")

    with pytest.raises(BadInput, match=r"train\.parquet is not SQuAD: it has no column context; it has text$"):
        read_squad(DataFile(tmp_path / "train.parquet"))


def test_parquet_may_have_articles(tmp_path: Path) -> None:
    pa.parquet.write_table(pa.Table.from_pylist(document(FIRST, SECOND)["data"]), tmp_path / "train.parquet")

    assert read_squad(DataFile(tmp_path / "train.parquet")).questions == BOTH


@pytest.mark.parametrize(
    "version", ["KorQuAD_v1.0_dev", "TyDiQA-GoldP-1.1-for-SQuAD-1.1", "1.0", "2", "v2.0", 1.0, None, {"number": 2}]
)
def test_the_version_is_a_free_text(write: Any, version: Any) -> None:
    assert read_squad(DataFile(write(document(FIRST, SECOND, version=version)))).questions == BOTH


@pytest.mark.parametrize(
    "answers",
    [
        [{"text": "Zürich", "answer_start": 12}],
        [{"text": "Zürich", "answer_start": 12.0, "answer_end": 18, "answer_category": None}],
        [{"text": "Zürich", "answer_start": "12"}],
        {"text": ["Zürich"], "answer_start": [12]},
        {"text": ["Zürich"], "answer_start": [12], "answer_end": [18], "scores": [0.5, 0.5]},
        {"answer": ["Zürich"], "answer_begin_position": [12]},
        {"text": "Zürich", "start": 12},
    ],
)
@pytest.mark.parametrize("key", ["answers", "answer"])
def test_answers_are_read_in_every_spelling(write: Any, answers: Any, key: str) -> None:
    asked = {"id": "a", "question": "Wo?", key: answers, "is_impossible": False}

    assert read_squad(DataFile(write(document(asked)))).questions == BOTH[:1]


def test_whatever_else_stands_in_a_file_is_ignored(write: Any) -> None:
    more = {"data": 7, "qas": "none", "paragraphs": [], "answer": "acht", "start": 3, "question_id": 9, "guid": [1]}
    answers = [{"text": "Zürich", "answer_start": 12, "answer": 3, "start": -1, "answer_category": None}]
    paragraph = {"context": CONTEXT, "document_id": 3, "qas": [{**FIRST, **more, "answers": answers}]}
    article = {"title": None, "paragraphs": [paragraph]}

    assert read_squad(DataFile(write({"data": [article], "info": {"data": 1}}))).questions == BOTH[:1]


@pytest.mark.parametrize(
    ("asked", "plausible"),
    [
        ({}, 0),
        ({"answers": None, "is_impossible": None}, 0),
        ({"answers": []}, 0),
        ({"answers": {}}, 0),
        ({"answers": {"text": [], "answer_start": []}}, 0),
        ({"answers": {"text": [""], "answer_start": [-1]}}, 0),
        ({"answers": {"text": None, "answer_start": None}}, 0),
        ({"answers": [{"text": "", "answer_start": -1}]}, 0),
        ({"answers": [{"text": None}]}, 0),
        ({"answers": [], "is_impossible": True}, 0),
        ({"answers": [], "is_impossible": 1}, 0),
        ({"plausible_answers": [{"text": "acht", "answer_start": 29}], "is_impossible": True}, 0),
        ({"plausible_answers": [{"text": "acht", "answer_start": 29}]}, 0),
        ({"answers": [{"text": "acht", "answer_start": 29}], "is_impossible": True}, 1),
        ({"answers": [{"text": "Bern", "answer_start": 0}], "is_impossible": True}, 1),
        ({"answers": ["acht"], "is_impossible": "true"}, 1),
        ({"answers": [{"text": "", "answer_start": -1}], "is_impossible": "True"}, 0),
    ],
)
def test_a_question_is_impossible_in_every_spelling(write: Any, asked: Any, plausible: int) -> None:
    split = read_squad(DataFile(write(document(FIRST, {"id": "b", "question": "Wer?", **asked}))))

    assert split.questions == BOTH
    assert split.with_plausible_answers == plausible


@pytest.mark.parametrize(
    ("named", "name"),
    [
        ({"id": 303}, "303"),
        ({"id": 303.0}, "303"),
        ({"guid": "klue-mrc-1"}, "klue-mrc-1"),
        ({"question_id": 7}, "7"),
        ({"qid": "q"}, "q"),
        ({"id": 1, "question_id": 2}, "1"),
        ({"id": None}, "data[0].paragraphs[0].qas[0]"),
        ({"id": ""}, "data[0].paragraphs[0].qas[0]"),
        ({}, "data[0].paragraphs[0].qas[0]"),
    ],
)
def test_a_question_is_called_by_its_id_or_its_place(write: Any, named: Any, name: str) -> None:
    asked = {"question": "Wo?", "answers": FIRST["answers"], **named}

    assert read_squad(DataFile(write(document(asked)))).questions[0].id == name


def test_places_are_counted_in_lists_lines_and_rows(write: Any, tmp_path: Path) -> None:
    asked = rows(*({"question": "Wo?", "answers": FIRST["answers"]} for _ in range(2)))
    pa.parquet.write_table(pa.Table.from_pylist(asked), tmp_path / "train.parquet")

    def names(path: Path) -> List[str]:
        return [question.id for question in read_squad(DataFile(path)).questions]

    assert names(write(asked)) == ["entry 0", "entry 1"]
    assert names(write({"data": asked})) == ["data[0]", "data[1]"]
    assert names(write("\n\n".join(map(json.dumps, asked)))) == ["line 1", "line 3"]
    assert names(tmp_path / "train.parquet") == ["row 0", "row 1"]


def test_a_number_and_a_text_are_one_id(write: Any) -> None:
    with pytest.raises(BadInput, match=r"the id '7' was given to an earlier question; ids must differ$"):
        read_squad(DataFile(write(document(question(id=7), question(id="7")))))


def test_bad_questions_are_left_out_and_listed_by_their_places(write: Any) -> None:
    wrong = question(id="c", answers=[{"text": "Zürich", "answer_start": 11}])

    split, bad_rows = squad.read_squad(DataFile(write(document(question(id="b", question=7), question(), wrong))))

    assert [asked.id for asked in split.questions] == ["a"]
    assert bad_rows.entries == [
        {"reason": "data[0].paragraphs[0].qas[0] is not SQuAD: question must be a text; got a whole number"},
        {
            "reason": "data[0].paragraphs[0].qas[2] (question 'c'): the answer 'Zürich' is not in its context at"
            " character 11; it is at 12"
        },
    ]
    with pytest.raises(BadInput, match=r"\n  features\.bad_rows: set_aside leaves such ones out and lists them$"):
        bad_rows.stop()


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"nothing\.json is no file; it should be a SQuAD file$"):
        read_squad(DataFile(tmp_path / "nothing.json"))


@pytest.mark.parametrize(
    ("answers", "columns", "message"),
    [
        ([{"text": ["Bern"], "answer_start": [0]}], {}, r"row 0 \(question 'q0'\): the answer 'Bern' is not in"),
        (
            [{"text": ["acht"], "answer_start": [29, 1]}],
            {},
            r"row 0: answers must be lists of one length; got 1 text, 2 ",
        ),
        (
            [{"text": ["acht"], "answer_start": [29]}],
            {"context": None},
            r"row 0 is not SQuAD: it has no 'context', nor has ",
        ),
        ([["acht"]], {}, r"row 0\.answers\[0\] is not SQuAD: it must be an object; got a text$"),
        ([None], {}, r"train\.parquet has no question with an answer; "),
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


@pytest.mark.parametrize("new", [pa.ipc.new_file, pa.ipc.new_stream])
def test_arrow_is_read_as_parquet_is(write_parquet: Any, new: Any) -> None:
    path = write_parquet([{"text": ["acht"], "answer_start": [29]}])
    expected = read_squad(DataFile(path, "train")).questions
    table = pa.parquet.read_table(path)
    with pa.OSFile(str(path), "wb") as sink, new(sink, table.schema) as writer:
        writer.write_table(table)

    assert read_squad(DataFile(path, "train")).questions == expected
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(BadInput, match=r"^train is (cut off or damaged|neither Arrow nor Parquet): "):
        read_squad(DataFile(path, "train"))


def test_a_folder_of_files_is_one_split_and_ids_are_made_for_each_file(tmp_path: Path) -> None:
    folder = tmp_path / "train"
    folder.mkdir()
    for number in (1, 2):
        entry = {"context": f"context {number}", "question": "Which?", "answers": {"text": [], "answer_start": []}}
        answered = {**entry, "id": f"q{number}", "answers": {"text": ["context"], "answer_start": [0]}}
        (folder / f"part-{number}.json").write_text(json.dumps([entry, answered]))
    (folder / ".DS_Store").write_bytes(b"\0")

    split, bad_rows = squad.read_squad(DataFile(folder, "/data/train"))

    assert not bad_rows.entries
    assert [(question.id, split.contexts[question.context]) for question in split.questions] == [
        ("part-1.json/entry 0", "context 1"),
        ("q1", "context 1"),
        ("part-2.json/entry 0", "context 2"),
        ("q2", "context 2"),
    ]


def test_a_bad_row_in_a_folder_is_named_with_its_file(tmp_path: Path) -> None:
    (tmp_path / "part.json").write_text(json.dumps([{"id": "q", "question": "Which?"}]))

    _, bad_rows = squad.read_squad(DataFile(tmp_path, "/data/train"))

    with pytest.raises(BadInput, match=r"^/data/train/part\.json: entry 0 is not SQuAD: it has no 'context'"):
        bad_rows.stop()


def test_an_id_that_two_files_give_is_told_with_both(tmp_path: Path) -> None:
    entry = {"id": "q1", "context": "a", "question": "Which?", "answers": {"text": ["a"], "answer_start": [0]}}
    for number in (2, 10):
        (tmp_path / f"part-{number}.json").write_text(json.dumps([entry]))

    _, bad_rows = squad.read_squad(DataFile(tmp_path, "/data/train"))

    assert bad_rows.complaints == [
        "/data/train/part-10.json: entry 0: the id 'q1' was given to an earlier question of /data/train/part-2.json;"
        " ids must differ"
    ]


def test_files_of_one_name_in_two_folders_make_ids_of_their_own(tmp_path: Path) -> None:
    entry = {"context": "a", "question": "Which?", "answers": {"text": ["a"], "answer_start": [0]}}
    for folder in ("en", "fr"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "train.json").write_text(json.dumps([entry]))

    split, bad_rows = squad.read_squad(DataFile(tmp_path, "/data/train"))

    assert not bad_rows.entries
    assert [question.id for question in split.questions] == ["en/train.json/entry 0", "fr/train.json/entry 0"]


def test_an_answer_without_a_text_does_not_count_beside_others(write: Any) -> None:
    answers = [{"text": "", "answer_start": -1}, {"text": "acht", "answer_start": 29}]

    split = read_squad(DataFile(write(document(question(answers=answers)))))

    assert split.questions[0].answers == (Answer("acht", 29),)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_other_encodings_are_known_by_their_first_bytes(write: Any, encoding: str) -> None:
    path = write(json.dumps(document(question(question="Wo liegt Zürich?")), ensure_ascii=False).encode(encoding))

    assert read_squad(DataFile(path)).questions[0].question == "Wo liegt Zürich?"


def mrqa(**answer: Any) -> Dict[str, Any]:
    asked = {"qid": "q1", "question": "Where?", "answers": ["Lourdes"], "detected_answers": [answer]}
    return {"id": "", "context": "In Lourdes, France. Lourdes!", "qas": [{"question_tokens": [["Where", 0]], **asked}]}


def test_mrqas_files_are_read(write: Any) -> None:
    lines = [{"header": {"dataset": "SQuAD", "split": "train"}}, mrqa(text="Lourdes", char_spans=[[3, 9], [20, 26]])]

    split = read_squad(DataFile(write("\n".join(map(json.dumps, lines)))))

    assert [(one.id, one.answers) for one in split.questions] == [("q1", (Answer("Lourdes", 3),))]


@pytest.mark.parametrize(
    ("spans", "mistake"),
    [
        ([3, 9], "must be a list; got a whole number"),
        ([[]], "must be a whole number; got null"),
        ("3", "must be a list; got a text"),
    ],
)
def test_spans_that_are_none_are_refused(write: Any, spans: Any, mistake: str) -> None:
    with pytest.raises(BadInput, match=rf"detected_answers\[0\] is not SQuAD: char_spans(\[0\])* {mistake}"):
        read_squad(DataFile(write([mrqa(text="Lourdes", char_spans=spans)])))


def test_a_damaged_line_is_a_bad_row(write: Any) -> None:
    lines = [json.dumps({"context": CONTEXT, **question(id=name)}) for name in ("q1", "q2", "q3")]
    lines[1] = lines[1][:-5]

    split, bad_rows = squad.read_squad(DataFile(write("\n\n".join(lines)), "lines.jsonl"))

    assert [one.id for one in split.questions] == ["q1", "q3"]
    assert [complaint[:38] for complaint in bad_rows.complaints] == ["lines.jsonl: line 3 is not JSON: Expec"]


def test_lines_that_are_cut_off_are_no_bad_row(write: Any) -> None:
    lines = [json.dumps({"context": CONTEXT, **question(id=name)}) for name in ("q1", "q2", "q3")]

    with pytest.raises(BadInput, match=r"is cut off: its JSON ends unfinished after"):
        squad.read_squad(DataFile(write("\n".join(lines)[:-5])))


@pytest.mark.parametrize(
    ("form", "titles"),
    [
        ("articles", ["Café", "Café"]),
        ("a list of questions", ["Café", "Café"]),
        ("lines of articles", ["Café", "Café"]),
        ("paragraphs", ["", ""]),
    ],
)
def test_the_title_is_of_what_holds_the_question(write: Any, form: str, titles: List[str]) -> None:
    content = FORMS[form] if isinstance(FORMS[form], str) else json.dumps(FORMS[form])

    split = read_squad(DataFile(write(content.encode())))

    assert [asked.article for asked in split.questions] == titles


def test_the_hubs_parquet_has_titles(write_parquet: Any) -> None:
    answers = [{"text": ["Zürich"], "answer_start": [12]}] * 2

    split = read_squad(DataFile(write_parquet(answers, title=["Café", None])))

    assert [asked.article for asked in split.questions] == ["Café", ""]


@pytest.mark.parametrize("title", [None, 7, ["Café"], {"text": "Café"}])
def test_a_title_that_is_no_text_is_none(write: Any, title: Any) -> None:
    split = read_squad(DataFile(write(json.dumps(rows({**FIRST, "title": title})).encode())))

    assert [asked.article for asked in split.questions] == [""]
