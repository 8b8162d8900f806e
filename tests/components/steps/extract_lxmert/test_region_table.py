import json
from pathlib import Path
from typing import Any, Dict, List, Optional

import numpy as np
import pyarrow as pa
import pytest
from inputs.visual_question_answering import curing, telling
from podtune.errors import BadInput
from podtune.formats.raw_data import DataFile
from podtune.formats.sealed import sealing
from podtune.formats.set_aside import SetAside
from podtune.steps.extract_lxmert.questions import QuestionFile
from podtune.steps.extract_lxmert.region_table import read_table_answers, read_table_questions, store_table_regions
from podtune.steps.extract_lxmert.reports import BadRow
from podtune.steps.extract_lxmert.step import run
from podtune.tasks.visual_question_answering.questions import open_questions, read_answers, read_questions
from podtune.tasks.visual_question_answering.region_store import create_store
from podtune.tasks.visual_question_answering.settings import LxmertSettings
from pyarrow import parquet

ANSWERS = ["", "dog", "net"]
SOFT = [{"ids": [2, 1], "weights": [1.0, 0.3]}, {"ids": [], "weights": []}, {"ids": [1], "weights": [0.6]}]


def columns(label: Any = SOFT, **changed: Any) -> Dict[str, Any]:
    """Three questions about two images, whose regions are repeated: 1 in the first image, 2 in the second."""
    features = [[[value] * 2048] * 2 for value in (1.0, 2.0, 1.0)]
    published = {
        "question": ["What is it?", "And this?", "How many?"],
        "question_type": ["what is", "none of the above", "how many"],
        "question_id": pa.array([9000, 9001, 9002], pa.int32()),
        "image_id": ["n1", "n2", "n1"],
        "features": pa.array(features, pa.list_(pa.list_(pa.float32()))),
        "normalized_boxes": pa.array([[[0.0, 0.25, 0.5, 1.0]] * 2] * 3, pa.list_(pa.list_(pa.float32()))),
        "answer_type": ["other", "other", "number"],
        "label": label,
    }
    return {name: values for name, values in {**published, **changed}.items() if values is not ...}


def described(table: pa.Table, label: Any) -> pa.Table:
    """The table with what `datasets` writes of its label."""
    content = json.dumps({"info": {"features": {"label": label}}})
    return table.replace_schema_metadata({"huggingface": content})


def questions_of(table: DataFile) -> QuestionFile:
    with curing():
        return read_table_questions(table, ANSWERS, SetAside(LxmertSettings(labels="soft")))


SOFT_LABEL = {"feature": {"ids": {"names": ANSWERS, "_type": "ClassLabel"}, "weights": {}}, "_type": "Sequence"}
HARD_LABEL = {"names": ANSWERS, "_type": "ClassLabel"}


def write(path: Path, table: pa.Table, form: str) -> Path:
    if form == "parquet":
        parquet.write_table(table, path)
    else:
        opened = pa.ipc.new_stream if form == "stream" else pa.ipc.new_file
        with opened(str(path), table.schema) as writer:
            writer.write_table(table, max_chunksize=2)
    return path


@pytest.fixture
def table(tmp_path: Path) -> Path:
    return write(tmp_path / "train.arrow", described(pa.table(columns()), SOFT_LABEL), "stream")


@pytest.mark.parametrize("form", ["stream", "file", "parquet"])
def test_questions_regions_and_answers_are_read_from_every_form(form: str, tmp_path: Path) -> None:
    path = write(tmp_path / "table", described(pa.table(columns()), SOFT_LABEL), form)
    (tmp_path / "train").mkdir()
    create_store(tmp_path / "train", ["n1", "n2"], 2)
    bad: List[BadRow] = []

    questions = questions_of(DataFile(path)).questions
    stored = store_table_regions(DataFile(path), tmp_path / "train", 2, telling(bad))

    assert read_table_answers(DataFile(path)) == ANSWERS
    assert [question.id for question in questions] == ["9000", "9001", "9002"]
    assert [question.image for question in questions] == ["n1", "n2", "n1"]
    assert [question.labels for question in questions] == [{"net": 1.0, "dog": 0.3}, {}, {"dog": 0.6}]
    assert questions[2].slices == {"question_type": "how many", "answer_type": "number"}
    assert (stored, bad) == ({"n1", "n2"}, [])
    assert np.load(tmp_path / "train" / "features.npy")[:, 1, 2047].tolist() == [1, 2]
    assert np.load(tmp_path / "train" / "boxes.npy")[0, 1].tolist() == [0, 0.25, 0.5, 1]


def test_a_label_may_be_one_class_as_in_gqa(tmp_path: Path) -> None:
    table = described(pa.table(columns([1, 2, 1], question_type=..., answer_type=...)), HARD_LABEL)
    path = write(tmp_path / "table", table, "stream")

    found = questions_of(DataFile(path))

    assert read_table_answers(DataFile(path)) == ANSWERS
    assert [question.labels for question in found.questions] == [{"dog": 1.0}, {"net": 1.0}, {"dog": 1.0}]
    assert found.questions[0].slices == {}
    assert found.chosen == ["dog", "net", "dog"]


def test_a_label_may_be_a_list_of_pairs_as_newer_tables_have_it(tmp_path: Path) -> None:
    pairs = [[{"ids": 2, "weights": 1.0}, {"ids": 1, "weights": 0.3}], [], [{"ids": 1, "weights": 0.6}]]
    newer = {"feature": SOFT_LABEL["feature"], "_type": "List"}
    path = write(tmp_path / "table", described(pa.table(columns(pairs)), newer), "parquet")

    assert read_table_answers(DataFile(path)) == ANSWERS
    assert questions_of(DataFile(path)).questions[0].labels == {"net": 1.0, "dog": 0.3}


def test_a_folder_of_tables_is_one_table(tmp_path: Path) -> None:
    (tmp_path / "train").mkdir()
    table = pa.table(columns())
    write(tmp_path / "train" / "0.parquet", table.slice(0, 2), "parquet")
    write(tmp_path / "train" / "1.arrow", table.slice(2), "stream")

    found = questions_of(DataFile(tmp_path / "train"))

    assert [question.id for question in found.questions] == ["9000", "9001", "9002"]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"image_id": ...}, r"table has no column image_id; it has question, question_type, question_id, features, "),
        ({"question": ["a", "", "b"]}, r"table: row 2 has no question$"),
        ({"label": [1, None, 2]}, r"table: row 2 has no label$"),
        ({"label": [1, 3, 2]}, r"table: row 2: the label 3 is not one of 3 answers$"),
        (
            {"label": [*SOFT[:2], {"ids": [1], "weights": [1.5]}]},
            r"table: row 3: the weight 1\.5 must be above 0 and at most",
        ),
        ({"question_id": [1, 2, 1]}, r"table: the id '1' was given to an earlier question; ids must differ$"),
    ],
)
def test_a_wrong_question_is_named_with_its_row(changed: Dict[str, Any], message: str, tmp_path: Path) -> None:
    path = write(tmp_path / "table", pa.table(columns(**changed)), "parquet")

    with pytest.raises(BadInput, match=message):
        questions_of(DataFile(path))


@pytest.mark.parametrize(
    ("label", "message"),
    [
        (["dog"] * 3, "label must be a number, or have as many weights as ids; got dog"),
        ([{"ids": [1, 2], "weights": [1.0]}] * 3, "label must be a number, or have as many weights as ids; got {'ids"),
        ([{"ids": [1]}] * 3, "label must be a number, or have as many weights as ids; got {'ids': [1]}"),
        ([{"ids": [1], "weights": ["1"]}] * 3, "the weight 1 must be above 0 and at most 1"),
    ],
)
def test_all_rows_with_labels_of_another_kind_are_named(label: Any, message: str, tmp_path: Path) -> None:
    path = write(tmp_path / "table", pa.table(columns(label)), "parquet")

    with pytest.raises(BadInput) as error:
        questions_of(DataFile(path, "hf://datasets/mine/vqa/train.parquet"))

    title, *rows = str(error.value).split("\n")
    assert title == "hf://datasets/mine/vqa/train.parquet has 3 bad entries:"
    assert [row.startswith(f"  row {number}: {message}") for number, row in enumerate(rows, start=1)] == [True] * 3


def test_rows_count_from_the_beginning_of_their_own_file(tmp_path: Path) -> None:
    (tmp_path / "train").mkdir()
    write(tmp_path / "train" / "0.parquet", pa.table(columns()), "parquet")
    write(tmp_path / "train" / "1.arrow", pa.table(columns(question=["", "a", ""])), "stream")

    with pytest.raises(BadInput) as error:
        questions_of(DataFile(tmp_path / "train", "/data/train"))

    assert str(error.value).split("\n") == [
        "/data/train has 3 bad entries:",
        "  1.arrow: row 1 has no question",
        "  1.arrow: row 3 has no question",
        "  1.arrow: the id '9001' was given to an earlier question of /data/train/0.parquet; ids must differ",
    ]


def test_a_table_that_is_cut_off_is_refused(table: Path) -> None:
    table.write_bytes(table.read_bytes()[:-20_000])

    with pytest.raises(BadInput, match=r"^/data/train\.arrow is cut off or damaged: "):
        questions_of(DataFile(table, "/data/train.arrow"))


def test_a_schema_that_describes_something_else_is_refused(tmp_path: Path) -> None:
    content = pa.table(columns()).replace_schema_metadata({"huggingface": '{"info": []}'})
    path = write(tmp_path / "table", content, "parquet")

    with pytest.raises(BadInput, match=r"table describes its columns under 'huggingface' otherwise than `datasets` do"):
        read_table_answers(DataFile(path))


def test_regions_that_are_no_lists_are_told(tmp_path: Path) -> None:
    path = write(tmp_path / "table", pa.table(columns(features=["1.5"] * 3)), "parquet")
    (tmp_path / "train").mkdir()
    create_store(tmp_path / "train", ["n2"], 2)
    bad: List[BadRow] = []

    assert store_table_regions(DataFile(path), tmp_path / "train", 2, telling(bad)) == set()
    assert [(row.row, row.reason) for row in bad] == [(2, "features must be lists of lists of numbers; it is string")]


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"features": [[[1.0] * 2048] * 3] * 3}, "features has 3 lists with 6,144 numbers; 2 of 2,048 are due"),
        ({"features": [[[1.0] * 2047] * 2] * 3}, "features has 2 lists with 4,094 numbers; 2 of 2,048 are due"),
        ({"features": [[[1.0] * 2047 + [None]] * 2] * 3}, "features has 2 lists with 4,096 numbers; 2 of 2,048 are du"),
        ({"features": [None] * 3}, "features has 0 lists with 0 numbers; 2 of 2,048 are due"),
        ({"normalized_boxes": [[[0.0, 0.0, 1.0, 1.1]] * 2] * 3}, "its boxes extend from 0 to 1.1 of the picture; "),
        ({"normalized_boxes": [[[0.0, 0.0, 1.0, float("nan")]] * 2] * 3}, "a box is not finite"),
    ],
)
def test_wrong_regions_are_told_with_their_row(changed: Dict[str, Any], reason: str, tmp_path: Path) -> None:
    for name, values in changed.items():
        changed[name] = pa.array(values, pa.list_(pa.list_(pa.float32())))
    path = write(tmp_path / "table", pa.table(columns(**changed)), "parquet")
    (tmp_path / "train").mkdir()
    create_store(tmp_path / "train", ["n2"], 2)
    bad: List[BadRow] = []

    assert store_table_regions(DataFile(path), tmp_path / "train", 2, telling(bad)) == set()
    assert [(row.row, row.image) for row in bad] == [(2, "n2")]
    assert bad[0].reason.startswith(reason)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "neither Arrow nor Parquet"),
        (b"no table", "neither Arrow nor Parquet"),
        (b"PAR1 and nothing more", "cut off or damaged Parquet"),
    ],
)
def test_what_is_no_table_is_refused(content: bytes, complaint: str, tmp_path: Path) -> None:
    (tmp_path / "table").write_bytes(content)

    with pytest.raises(BadInput, match=rf"table is {complaint}: "):
        read_table_answers(DataFile(tmp_path / "table"))


def test_what_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"is neither an Arrow or Parquet file nor a folder of such files$"):
        read_table_answers(DataFile(tmp_path))


def raw_data(folder: Path, table: Path, answers: Optional[List[str]] = None) -> Path:
    with sealing(folder / "raw", "raw-data", 1) as draft:
        files = {"train.table": "train.arrow"}
        (draft.path / "train.arrow").write_bytes(table.read_bytes())
        if answers:
            files["train.answers"] = "answers.json"
            (draft.path / "answers.json").write_text(json.dumps(answers))
        facts = {"source": "here", "dataset": "tiny", "revision": "", "licence": "cc-by-4.0", "splits": files}
        draft.facts.update(facts)
    return folder / "raw"


def test_the_step_makes_features_of_a_table(table: Path, tmp_path: Path, base_model: Path) -> None:
    features = tmp_path / "features"

    run(raw_data(tmp_path, table), base_model, features, {"labels": "soft", "max_length": 8, "regions": 2})

    assert read_answers(features) == ANSWERS
    assert [question.id for question in read_questions(features, "train")] == ["9000", "9001", "9002"]
    batch = open_questions(features, "train", soft=True).batch(np.arange(3))
    assert batch.columns["target"].tolist() == pytest.approx(np.array([[0, 0.3, 1], [0, 0, 0], [0, 0.6, 0]]))
    assert batch.columns["regions"][:, 0, 0].tolist() == [1, 2, 1]


def test_a_given_vocabulary_must_be_the_tables(table: Path, tmp_path: Path, base_model: Path) -> None:
    data = raw_data(tmp_path, table, ["", "net", "dog"])

    with pytest.raises(BadInput, match=r"train\.arrow names other answers than the vocabulary: 3, which has 3$"):
        run(data, base_model, tmp_path / "features", {"labels": "soft", "max_length": 8, "regions": 2})


def test_a_table_without_answers_needs_a_vocabulary(tmp_path: Path, base_model: Path) -> None:
    data = raw_data(tmp_path, write(tmp_path / "table", pa.table(columns()), "stream"))

    with pytest.raises(BadInput, match=r"names no answers for its labels; give a vocabulary as train\.answers$"):
        run(data, base_model, tmp_path / "features", {"labels": "soft", "max_length": 8, "regions": 2})
