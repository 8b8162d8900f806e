import json
from pathlib import Path
from typing import Any, Dict, List, Literal, Optional

import pytest
from inputs.visual_question_answering import curing
from podtune.errors import BadInput
from podtune.formats.raw_data import DataFile
from podtune.formats.set_aside import SetAside
from podtune.steps.extract_lxmert.questions import QuestionFile, read_question_file
from podtune.tasks.visual_question_answering.questions import VisualQuestion
from podtune.tasks.visual_question_answering.settings import LxmertSettings


def by_policy(policy: Literal["stop", "set_aside"] = "stop", most: float = 0.01) -> SetAside:
    return SetAside(LxmertSettings(labels="soft", bad_rows=policy, most_set_aside=most))


def read(folder: Path, questions: Any, annotations: Any = None, aside: Optional[SetAside] = None) -> QuestionFile:
    """Read questions, given as a text or as what becomes JSON."""
    paths: List[Optional[Path]] = [folder / "questions.json", None if annotations is None else folder / "answers.json"]
    for path, content in zip(paths, (questions, annotations)):
        if path:
            path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    answers = paths[1] and DataFile(paths[1])
    with curing():
        return read_question_file(DataFile(folder / "questions.json"), answers, aside or by_policy())


def entry(**changed: Any) -> Dict[str, Any]:
    """A question of VQA as LXMERT's authors publish it."""
    published = {
        "answer_type": "other",
        "img_id": "COCO_train2014_000000458752",
        "label": {"net": 1, "a net": 0.3},
        "question_id": 458752000,
        "question_type": "what is this",
        "sent": "What is this photo taken looking through?",
    }
    return {name: value for name, value in {**published, **changed}.items() if value is not ...}


def test_lxmerts_questions_are_told_by_their_list(tmp_path: Path) -> None:
    found = read(tmp_path, [entry()])

    assert found.questions == [
        VisualQuestion(
            id="458752000",
            image="COCO_train2014_000000458752",
            question="What is this photo taken looking through?",
            labels={"net": 1.0, "a net": 0.3},
            answers=(),
            slices={"question_type": "what is this", "answer_type": "other"},
        )
    ]
    assert found.chosen == ["net"]


def test_lxmerts_gqa_has_texts_as_ids_and_no_types(tmp_path: Path) -> None:
    gqa = {"img_id": "2354786", "label": {"pipe": 1.0}, "question_id": "07333408", "sent": "What is on the wall?"}

    found = read(tmp_path, [gqa]).questions[0]

    assert (found.id, found.labels, found.slices) == ("07333408", {"pipe": 1.0}, {})


def test_a_label_of_no_answers_is_out_of_vocabulary(tmp_path: Path) -> None:
    found = read(tmp_path, [entry(label={})])

    assert found.questions[0].labels == {}
    assert found.chosen == [""]


@pytest.mark.parametrize(
    ("questions", "message"),
    [
        ([entry(label=...)], r"questions\.json: entry 0 has no 'label'; it has 'answer_type', 'img_id', "),
        ([entry(), entry(sent=" ")], r"questions\.json: entry 1: sent is empty; it must have a word$"),
        ([entry(sent=7)], r"questions\.json: entry 0: sent must be a text; got a whole number$"),
        ([entry(sent="\ud800?")], r"entry 0: sent holds half a character at 0: a lone surrogate$"),
        ([entry(label=["net"])], r"entry 0: label must be an object; got a list$"),
        ([entry(label={"net": "1"})], r"entry 0: the weight of 'net' must be a number or a whole number; got a text$"),
        ([entry(label={"net": 0})], r"entry 0: the weight of 'net' must be above 0 and at most 1; got 0$"),
        ([entry(label={"net": 1.5})], r"entry 0: the weight of 'net' must be above 0 and at most 1; got 1\.5$"),
        ([entry(question_id=None)], r"entry 0: question_id must be a text or a whole number; got null$"),
        (["net"], r"entry 0 must be an object with 'question_id'; got a text$"),
        ([entry(), entry()], r"the id '458752000' was given to an earlier question; ids must differ$"),
        ([], r"questions\.json holds no question$"),
        ({}, r"questions\.json holds no question$"),
        (7, r"questions\.json must be an object; got a whole number$"),
        ("{", r"questions\.json is cut off: its JSON ends unfinished"),
        ('{"1": {}, "1": {}}', r"the key '1' is given twice in an object$"),
    ],
)
def test_what_is_no_question_is_named_with_its_place(questions: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=message):
        read(tmp_path, questions)


def test_gqas_questions_have_their_types(tmp_path: Path, gqa: Any) -> None:
    found = read(tmp_path, {"07333408": gqa("2375429", "What is it?", "pipe")})

    assert found.questions == [
        VisualQuestion(
            id="07333408",
            image="2375429",
            question="What is it?",
            labels={"pipe": 1.0},
            answers=(),
            slices={"structural": "query", "semantic": "obj"},
        )
    ]
    assert found.chosen == ["pipe"]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"answer": ...}, r"question '07' has no 'answer'; it has 'imageId', 'question', 'types', 'isBalanced'$"),
        ({"answer": ""}, r"question '07': answer is empty; it must have a word$"),
        ({"imageId": None}, r"question '07': imageId must be a text or a whole number; got null$"),
        ({"types": "obj"}, r"question '07': types must be an object; got a text$"),
    ],
)
def test_a_wrong_question_of_gqa_is_named(changed: Any, message: str, tmp_path: Path, gqa: Any) -> None:
    question = {**gqa("2375429", "What is it?", "pipe"), **changed}

    with pytest.raises(BadInput, match=message):
        read(tmp_path, {"07": {name: value for name, value in question.items() if value is not ...}})


@pytest.mark.parametrize(
    ("types", "slices"),
    [
        (None, {}),
        ({}, {}),
        ({"structural": None, "semantic": None, "detailed": None}, {}),
        ({"structural": None, "semantic": "attr"}, {"semantic": "attr"}),
    ],
)
def test_gqas_types_may_be_null(types: Any, slices: Dict[str, str], tmp_path: Path, gqa: Any) -> None:
    found = read(tmp_path, {"07": {**gqa("2375429", "What is it?", "pipe"), "imageId": 2375429, "types": types}})

    assert (found.questions[0].image, found.questions[0].slices) == ("2375429", slices)


def test_lxmerts_images_may_be_numbers_and_its_types_null(tmp_path: Path) -> None:
    found = read(tmp_path, [entry(img_id=2375429, question_type=None, answer_type=None)]).questions[0]

    assert (found.image, found.slices) == ("2375429", {})


def test_ok_vqas_chosen_answer_is_the_most_frequent_one(tmp_path: Path, vqa: Any) -> None:
    said = [("riding", "ride"), ("The race", "the race"), ("races", "race"), ("ride", "ride")]
    questions, annotations = vqa((0, 1, "What is it?", ["dog"]))
    annotations["annotations"] = [
        {
            "question_id": 0,
            "image_id": 1,
            "answers": [
                {"answer_id": 1, "raw_answer": raw, "answer_confidence": "yes", "answer": answer}
                for raw, answer in said[1:] + said[:1]
            ],
            "question_type": "four",
            "confidence": 3,
        }
    ]

    found = read(tmp_path, questions, annotations)

    assert found.chosen == ["race"]
    assert found.questions[0].answers == ("the race", "race", "ride", "ride")
    assert found.questions[0].labels == {"race": 0.5, "ride": 0.5}
    assert found.questions[0].slices == {"question_type": "four"}


@pytest.mark.parametrize(("asked", "answered"), [("9000", 9000), (9000, "9000"), ("9000", "9000")])
def test_vqas_ids_are_texts_or_numbers(asked: Any, answered: Any, tmp_path: Path, vqa: Any) -> None:
    questions, annotations = vqa((9000, 9, "What is it?", ["dog"] * 10))
    questions["questions"][0].update(question_id=asked, image_id=str(9))
    annotations["annotations"][0].update(question_id=answered, question_type=None, answer_type=None)

    found = read(tmp_path, questions, annotations).questions[0]

    assert (found.id, found.image, found.slices) == ("9000", "COCO_val2014_000000000009", {})


def test_vqas_images_may_have_names_and_its_part_of_coco_stand_in_either_file(tmp_path: Path, vqa: Any) -> None:
    questions, annotations = vqa((9000, 9, "What is it?", ["dog"] * 10))
    del questions["data_subtype"]

    assert read(tmp_path, questions, annotations).questions[0].image == "COCO_val2014_000000000009"

    del annotations["data_subtype"]
    with pytest.raises(BadInput, match=r"questions\.json has no 'data_subtype'; it has 'task_type', 'que"):
        read(tmp_path, questions, annotations)

    questions["questions"][0]["image_id"] = annotations["annotations"][0]["image_id"] = "n161313"
    assert read(tmp_path, questions, annotations).questions[0].image == "n161313"


def test_vizwizs_questions_are_called_after_their_images(tmp_path: Path) -> None:
    people = [{"answer": answer, "answer_confidence": "yes"} for answer in ["dog"] * 8 + ["cat", "unanswerable"]]
    asked = {"image": "VizWiz_train_00000000.jpg", "question": "What is it?", "answers": people, "answerable": 1}

    found = read(tmp_path, [{**asked, "answer_type": "other"}])

    assert found.questions == [
        VisualQuestion(
            id="VizWiz_train_00000000.jpg",
            image="VizWiz_train_00000000",
            question="What is it?",
            labels={"dog": 1.0, "cat": 0.3, "unanswerable": 0.3},
            answers=("dog",) * 8 + ("cat", "unanswerable"),
            slices={"answer_type": "other"},
        )
    ]
    assert found.chosen == ["dog"]
    with pytest.raises(BadInput, match=r"entry 0 has no 'answers'; it has 'image', 'question'$"):
        read(tmp_path, [{"image": "VizWiz_test_00000000.jpg", "question": "What is it?"}])


def test_vqas_questions_are_joined_with_their_answers(tmp_path: Path, vqa: Any) -> None:
    questions, annotations = vqa(
        (9000, 9, "What is it?", ["Dog.", "dog", "dog", "a dog", "cat", "cat", "bird", "dog", "dog", "dog"]),
        (9001, 9, "And that?", ["Frisbee"] * 10),
    )
    annotations["annotations"].reverse()

    found = read(tmp_path, questions, annotations)

    assert found.questions[0] == VisualQuestion(
        id="9000",
        image="COCO_val2014_000000000009",
        question="What is it?",
        labels={"dog": 1.0, "cat": 0.6, "bird": 0.3},
        answers=("Dog.", "dog", "dog", "a dog", "cat", "cat", "bird", "dog", "dog", "dog"),
        slices={"question_type": "what is", "answer_type": "other"},
    )
    assert found.questions[1].labels == {"Frisbee": 1.0}
    assert found.chosen == ["dog", "frisbee"]


@pytest.mark.parametrize(
    ("file", "path", "value", "message"),
    [
        ("answers", ("answers",), [], r"answers\.json: annotations\[0\] has no answers; there must be one of every"),
        ("answers", ("answers", 0), {}, r"annotations\[0\]: answers\[0\] has no 'answer'; it has nothing$"),
        ("answers", ("question_id",), 7, r"questions\[0\] has the id 9000, which is not in .*answers\.json"),
        (
            "answers",
            ("image_id",),
            7,
            r"questions\[0\] is of image 9; .*annotations\[0\], of the same question, is of 7$",
        ),
        ("answers", ("answer_type",), 7, r"annotations\[0\]: answer_type must be a text; got a whole number$"),
        (
            "questions",
            ("question_id",),
            9.5,
            r"questions\[0\]: question_id must be a text or a whole number; got a number$",
        ),
        ("questions", ("image_id",), ..., r"questions\[0\] has no 'image_id'; it has 'question_id', 'question'$"),
        ("questions", ("question",), "", r"questions\[0\]: question is empty; it must have a word$"),
    ],
)
def test_a_wrong_question_of_vqa_is_named(
    file: str, path: Any, value: Any, message: str, tmp_path: Path, vqa: Any
) -> None:
    questions, annotations = vqa((9000, 9, "What is it?", ["dog"] * 10))
    holder: Any = questions["questions"][0] if file == "questions" else annotations["annotations"][0]
    for key in path[:-1]:
        holder = holder[key]
    if value is ...:
        del holder[path[-1]]
    else:
        holder[path[-1]] = value

    with pytest.raises(BadInput, match=message):
        read(tmp_path, questions, annotations)


def test_questions_and_answers_of_other_questions_are_refused(tmp_path: Path, vqa: Any) -> None:
    one, two = (9000, 9, "What is it?", ["dog"] * 10), (9001, 9, "And this?", ["cat"] * 10)

    with pytest.raises(BadInput, match=r"questions\[1\] has the id 9001, which is not in .*answers\.json"):
        read(tmp_path, vqa(one, two)[0], vqa(one)[1])
    with pytest.raises(BadInput, match=r"annotations\[1\] answers question 9001, which is not in .*questions\.json; "):
        read(tmp_path, vqa(one)[0], vqa(one, two)[1])
    with pytest.raises(BadInput, match=r"annotations\[1\]: question 9000 has an earlier annotation; "):
        read(tmp_path, vqa(one)[0], vqa(one, one)[1])
    with pytest.raises(BadInput, match=r"questions\[1\] has the id 9000, which is given to an earlier one"):
        read(tmp_path, vqa(one, one)[0], vqa(one)[1])


def test_annotations_belong_to_vqas_questions(tmp_path: Path, vqa: Any) -> None:
    questions, annotations = vqa((9000, 9, "What is it?", ["dog"] * 10))

    with pytest.raises(BadInput, match=r"has VQA's questions, whose answers lie in another file; name it too$"):
        read(tmp_path, questions)
    with pytest.raises(BadInput, match=r"has not VQA's questions, so .*answers\.json cannot have their answers$"):
        read(tmp_path, [entry()], annotations)


def test_a_file_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"questions\.json is no file; it should be JSON in UTF-8$"):
        read_question_file(DataFile(tmp_path / "questions.json"), None, by_policy())


def listed(folder: Path, questions: Any, annotations: Any = None) -> List[str]:
    """The lines of the message about wrong files, without the folder."""
    with pytest.raises(BadInput) as error:
        read(folder, questions, annotations)
    return str(error.value).replace(f"{folder}/", "").split("\n")


def test_all_wrong_questions_are_named(tmp_path: Path, gqa: Any) -> None:
    asked = gqa("2375429", "What is it?", "pipe")

    assert listed(tmp_path, [entry(sent=""), entry(), entry(label=7, question_id=1)]) == [
        "questions.json has 2 bad entries:",
        "  entry 0: sent is empty; it must have a word",
        "  entry 2: label must be an object; got a whole number",
    ]
    assert listed(tmp_path, {"07": {**asked, "answer": ""}, "08": asked, "09": {**asked, "question": 3}}) == [
        "questions.json has 2 bad entries:",
        "  question '07': answer is empty; it must have a word",
        "  question '09': question must be a text; got a whole number",
    ]
    assert listed(tmp_path, [entry(), entry(), entry(question_id=1), entry(question_id=1)]) == [
        "questions.json has 2 bad entries:",
        "  the id '458752000' was given to an earlier question; ids must differ",
        "  the id '1' was given to an earlier question; ids must differ",
    ]


def test_what_is_wrong_in_either_of_vqas_files_is_named(tmp_path: Path, vqa: Any) -> None:
    questions, annotations = vqa(*((9000 + number, 9, "What is it?", ["dog"] * 10) for number in range(4)))
    questions["questions"][0]["question"] = " "
    questions["questions"][2]["image_id"] = 8

    assert listed(tmp_path, questions, annotations) == [
        "questions.json has 2 bad entries:",
        "  questions[0]: question is empty; it must have a word",
        "  questions[2] is of image 8; answers.json: annotations[2], of the same question, is of 9",
    ]

    annotations["annotations"][1]["question_id"] = None
    annotations["annotations"][2]["question_id"] = 9000
    annotations["annotations"][3]["answers"] = []
    assert listed(tmp_path, questions, annotations) == [
        "answers.json has 3 bad entries:",
        "  annotations[1]: question_id must be a text or a whole number; got null",
        "  annotations[2]: question 9000 has an earlier annotation; each question must have one",
        "  annotations[3] has no answers; there must be one of every person asked",
    ]


def test_all_answers_to_other_questions_are_named(tmp_path: Path, vqa: Any) -> None:
    asked = [(9000 + number, 9, "What is it?", ["dog"] * 10) for number in range(3)]

    assert listed(tmp_path, vqa(asked[0])[0], vqa(*asked)[1]) == [
        "answers.json has 2 bad entries:",
        "  annotations[1] answers question 9001, which is not in questions.json",
        "  annotations[2] answers question 9002, which is not in questions.json",
        "  they must be of the same split",
    ]


def test_by_policy_wrong_questions_are_set_aside(tmp_path: Path) -> None:
    aside = by_policy("set_aside", 0.5)

    found = read(tmp_path, [entry(sent=""), entry(), entry(question_id=1), entry()], aside=aside)

    assert [question.id for question in found.questions] == ["458752000", "1"]
    assert (found.set_aside, found.chosen) == (2, ["net", "net"])
    assert aside.entries == [
        {"reason": "entry 0: sent is empty; it must have a word"},
        {"reason": "the id '458752000' was given to an earlier question; ids must differ"},
    ]
    with pytest.raises(BadInput, match=r"; 1 of 3 questions would be set aside; features\.most_set_aside allows a "):
        read(tmp_path, [entry(sent=""), entry(), entry(question_id=1)], aside=by_policy("set_aside", 0.3))
    with pytest.raises(BadInput, match=r"entry 0: sent is empty; .*; 1 of 1 questions would be set aside; "):
        read(tmp_path, [entry(sent="")], aside=by_policy("set_aside", 1))


def test_by_policy_what_one_of_vqas_files_lacks_is_set_aside(tmp_path: Path, vqa: Any) -> None:
    questions, annotations = vqa(*((9000 + number, 9, "What is it?", [f"{number}"] * 10) for number in range(4)))
    questions["questions"][0]["question"] = " "
    annotations["annotations"][1]["answers"] = []
    del questions["questions"][2]
    aside = by_policy("set_aside", 0.7)

    found = read(tmp_path, questions, annotations, aside)

    assert ([question.id for question in found.questions], found.chosen, found.set_aside) == (["9003"], ["3"], 2)
    assert [entry["reason"].replace(f"{tmp_path}/", "") for entry in aside.entries] == [
        "annotations[1] has no answers; there must be one of every person asked",
        "questions[0]: question is empty; it must have a word",
        "questions[1] has the id 9001, which is not in answers.json",
        "annotations[2] answers question 9002, which is not in questions.json",
    ]


def folder_of(folder: Path, **documents: Any) -> DataFile:
    folder.mkdir()
    for name, document in documents.items():
        (folder / f"{name}.json").write_text(json.dumps(document), encoding="utf-8")
    return DataFile(folder, f"/data/{folder.name}")


def test_questions_may_lie_in_several_files_as_gqas_do(tmp_path: Path, gqa: Any) -> None:
    ask = gqa("1", "What is it?", "dog")
    file = folder_of(tmp_path / "all", part_10={"3": ask}, part_2={"1": ask, "2": ask}, nominival=[entry()])

    found = read_question_file(file, None, by_policy())

    assert [question.id for question in found.questions] == ["458752000", "1", "2", "3"]


def test_a_question_of_two_files_is_told_with_both(tmp_path: Path, gqa: Any) -> None:
    ask = gqa("1", "What is it?", "dog")
    file = folder_of(tmp_path / "all", a={"1": ask}, b={"1": ask})

    with pytest.raises(BadInput) as error:
        read_question_file(file, None, by_policy())

    assert str(error.value).startswith(
        "/data/all/b.json: the id '1' was given to an earlier question of /data/all/a.json; ids must differ; "
    )


def test_vqas_files_of_several_splits_are_one(tmp_path: Path, vqa: Any) -> None:
    questions, annotations = vqa((1, 9, "What is it?", ["dog"] * 10))
    more, answers = vqa((2, 9, "What is it?", ["cat"] * 10))
    del more["data_subtype"]
    answers["data_subtype"] = "train2014"

    found = read_question_file(
        folder_of(tmp_path / "questions", a=questions, b=more),
        folder_of(tmp_path / "annotations", a=annotations, b=answers),
        by_policy(),
    )

    assert [(question.id, question.image) for question in found.questions] == [
        ("1", "COCO_val2014_000000000009"),
        ("2", "COCO_train2014_000000000009"),
    ]


def test_a_question_of_vqa_in_two_files_is_told_with_both(tmp_path: Path, vqa: Any) -> None:
    questions, annotations = vqa((1, 9, "What is it?", ["dog"] * 10))
    file = folder_of(tmp_path / "questions", a=questions, b=questions)

    with pytest.raises(BadInput) as error:
        read_question_file(file, folder_of(tmp_path / "annotations", a=annotations), by_policy())

    where = "/data/questions/b.json: questions[0] has the id 1, which is given to one of /data/questions/a.json"
    assert str(error.value).startswith(f"{where}; ids must differ; ")


def test_files_of_other_questions_have_no_annotations(tmp_path: Path, vqa: Any) -> None:
    questions, annotations = vqa((1, 9, "What is it?", ["dog"] * 10))
    file = folder_of(tmp_path / "questions", a=questions, b=[entry()])

    with pytest.raises(BadInput, match=r"^/data/questions/b\.json has not VQA's questions, so /data/answers cannot"):
        read_question_file(file, folder_of(tmp_path / "answers", a=annotations), by_policy())
    with pytest.raises(BadInput, match=r"^/data/questions/a\.json has VQA's questions, whose answers lie in another"):
        read_question_file(file, None, by_policy())
