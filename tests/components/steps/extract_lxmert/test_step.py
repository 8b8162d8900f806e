import json
import logging
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, List

import numpy as np
import pytest
from podtune.errors import BadInput
from podtune.formats.features import FEATURES
from podtune.formats.profile import Overlap, SplitProfile
from podtune.sections import Mistakes
from podtune.steps.extract_lxmert.step import run
from podtune.tasks.visual_question_answering.questions import open_questions, read_answers, read_questions

SETTINGS = {"labels": "hard", "max_length": 8.0, "regions": 2, "minimum_answers": 1}
SPLIT_FILES = [
    "boxes.npy",
    "features.npy",
    "image.npy",
    "images.json",
    "labels.offsets.npy",
    "labels.values.npy",
    "questions.jsonl",
    "set_aside.jsonl",
    "tokens.offsets.npy",
    "tokens.values.npy",
    "weights.npy",
]


@pytest.fixture
def files(gqa: Any, region_row: Any) -> Dict[str, Any]:
    """GQA: three questions about two images in training, two about one in validation, which training's file has."""
    return {
        "train.questions": {
            "07": gqa("n2", "What is it?", "dog"),
            "08": gqa("n1", "A dog is it?", "yes"),
            "9": gqa("n2", "How many?", "dog"),
        },
        "train.features": region_row("n1", 0.25) + region_row("n3", 0.5) + region_row("n2", 1.5),
        "validation.questions": {"01": gqa("n4", "Is it?", "yes"), "02": gqa("n4", "What is a dog?", "wall")},
        "validation.features": region_row("n4", 2.0),
    }


@pytest.fixture
def features(tmp_path: Path) -> Path:
    return tmp_path / "features"


def files_below(directory: Path) -> List[str]:
    return sorted(path.relative_to(directory).as_posix() for path in directory.rglob("*") if path.is_file())


def listed(features: Path, split: str) -> List[Any]:
    return [json.loads(line) for line in (features / split / "set_aside.jsonl").read_text().splitlines()]


def test_the_step_leaves_exactly_the_splits_and_the_same_again(
    files: Any, features: Path, base_model: Path, write_data: Any
) -> None:
    raw_data = write_data(files)

    run(raw_data, base_model, features, SETTINGS)
    first = FEATURES.open(features)
    run(raw_data, base_model, features, SETTINGS)

    expected = [f"{split}/{name}" for split in ("train", "validation") for name in SPLIT_FILES]
    assert files_below(features) == sorted(["answers.json", "manifest.json", *expected])
    assert FEATURES.open(features).digest == first.digest


def test_the_facts_say_what_the_features_were_made_of(
    files: Any, features: Path, base_model: Path, write_data: Any
) -> None:
    run(write_data(files), base_model, features, SETTINGS)

    facts = FEATURES.open(features).facts
    train, validation = facts.splits["train"], facts.splits["validation"]
    assert facts.task == "visual-question-answering"
    assert facts.vocabulary_size == 12
    assert facts.settings["labels"] == "hard"
    assert (train.examples, train.rows, train.tokens) == (3, 3, 18)
    assert (validation.examples, validation.rows, validation.tokens) == (2, 2, 12)
    assert facts.details == {
        "answers": 2,
        "train": {
            "questions": 3,
            "images": 2,
            "out_of_vocabulary": 0,
            "cut_questions": 0,
            "rows_set_aside": 0,
            "questions_set_aside": 0,
        },
        "validation": {
            "questions": 2,
            "images": 1,
            "out_of_vocabulary": 1,
            "cut_questions": 0,
            "rows_set_aside": 0,
            "questions_set_aside": 0,
        },
    }


def test_regions_lie_once_an_image_in_the_order_of_first_use(
    files: Any, features: Path, base_model: Path, write_data: Any
) -> None:
    run(write_data(files), base_model, features, SETTINGS)

    assert json.loads((features / "train" / "images.json").read_text()) == ["n2", "n1"]
    train = open_questions(features, "train", soft=False)
    assert train.features[:, 0, 0].tolist() == [1.5, 0.25]
    batch = train.batch(np.array([1, 2]))
    assert batch.columns["regions"].shape == (2, 2, 2048)
    assert batch.columns["regions"][:, 1, 2047].tolist() == [0.25, 1.5]
    assert batch.columns["boxes"][0].tolist() == [[0.25, 0.25, 0.75, 0.75]] * 2
    assert batch.columns["target"].tolist() == [1, 0]
    assert batch.streams["tokens"].tolist() == [2, 8, 9, 5, 6, 7, 3, 2, 10, 11, 7, 3]


def test_gqas_ids_keep_their_zeros_and_unknown_answers_stay(
    files: Any, features: Path, base_model: Path, write_data: Any
) -> None:
    run(write_data(files), base_model, features, SETTINGS)

    assert [question.id for question in read_questions(features, "train")] == ["07", "08", "9"]
    assert read_answers(features) == ["dog", "yes"]
    assert open_questions(features, "validation", soft=False).batch(np.array([0, 1])).columns["target"].tolist() == [
        1,
        -100,
    ]
    assert read_questions(features, "validation")[1].labels == {"wall": 1.0}


def test_vqa_has_soft_labels(features: Path, base_model: Path, write_data: Any, vqa: Any, region_row: Any) -> None:
    questions, annotations = vqa(
        (1000, 1, "What is it?", ["dog"] * 7 + ["A dog"] + ["cat"] * 2),
        (1001, 1, "How many?", ["2"] * 3 + ["two"] * 4 + ["1"] * 3),
        (2000, 2, "What is it?", ["cat"] * 10),
    )
    rows = region_row("COCO_val2014_000000000001") + region_row("COCO_val2014_000000000002")
    files = {"train.questions": questions, "train.annotations": annotations, "train.features": rows}

    run(write_data(files), base_model, features, {**SETTINGS, "labels": "soft"})

    assert read_answers(features) == ["2", "cat", "dog"]
    target = open_questions(features, "train", soft=True).batch(np.arange(3)).columns["target"]
    assert target.tolist() == pytest.approx(np.array([[0, 0.6, 1], [1, 0, 0], [0, 1, 0]]))
    assert read_questions(features, "train")[1].labels == {"2": 1.0, "1": 0.9}


def test_a_given_vocabulary_is_used(files: Any, features: Path, base_model: Path, write_data: Any) -> None:
    files["train.answers"] = ["", "wall", "dog"]

    run(write_data(files), base_model, features, {**SETTINGS, "expected_answers": 3})

    assert read_answers(features) == ["", "wall", "dog"]
    assert open_questions(features, "train", soft=False).batch(np.arange(3)).columns["target"].tolist() == [2, -100, 2]


def test_a_vocabulary_may_be_made_of_several_splits(
    files: Any, features: Path, base_model: Path, write_data: Any
) -> None:
    run(write_data(files), base_model, features, {**SETTINGS, "answers_from": ["train", "validation"]})

    assert read_answers(features) == ["dog", "yes", "wall"]


def test_long_questions_are_cut_and_counted(files: Any, features: Path, base_model: Path, write_data: Any) -> None:
    run(write_data(files), base_model, features, {**SETTINGS, "max_length": 6})

    facts = FEATURES.open(features).facts
    assert facts.details["train"]["cut_questions"] == 1
    assert open_questions(features, "train", soft=False).tokens.row(1).tolist() == [2, 8, 9, 5, 6, 3]


def test_by_policy_bad_rows_and_their_questions_are_set_aside(
    files: Any, features: Path, base_model: Path, write_data: Any, region_row: Any
) -> None:
    files["train.features"] = region_row("n1", 0.25) + "no row\n" + region_row("n2", float("nan"))

    run(write_data(files), base_model, features, {**SETTINGS, "bad_rows": "set_aside", "most_set_aside": 0.7})

    missing = "train.features has no regions of its image that can be used"
    assert listed(features, "train") == [
        {"row": 2, "image": "", "reason": "it has 1 columns; a row of region features has 10"},
        {
            "row": 3,
            "image": "n2",
            "reason": "a feature is not finite, or beyond 65,504, the most that float16 holds",
        },
        {"question": "07", "image": "n2", "reason": missing},
        {"question": "9", "image": "n2", "reason": missing},
    ]
    facts = FEATURES.open(features).facts
    assert facts.splits["train"].examples == 1
    assert facts.details["train"]["rows_set_aside"] == 2
    assert facts.details["train"]["questions_set_aside"] == 2
    assert open_questions(features, "train", soft=False).batch(np.array([0])).columns["regions"][0, 0, 0] == 0.25


def test_more_than_the_stated_share_of_questions_stops_the_step(
    files: Any, features: Path, base_model: Path, write_data: Any, region_row: Any
) -> None:
    files["train.features"] = region_row("n1", 0.25) + "no row\n" + region_row("n2", float("nan"))

    with pytest.raises(BadInput) as error:
        run(write_data(files), base_model, features, {**SETTINGS, "bad_rows": "set_aside", "most_set_aside": 0.6})

    title, *lines, last = str(error.value).split("\n")
    assert title.endswith("/train.questions has 4 bad entries:")
    assert lines[3].startswith("  question 9 (image 'n2') cannot be used: train.features has no regions of its image ")
    assert last == (
        "  2 of 3 questions would be set aside; features.most_set_aside allows a share of 0.6, and never all"
    )


def test_an_image_in_two_rows_is_in_none(
    files: Any, features: Path, base_model: Path, write_data: Any, region_row: Any
) -> None:
    files["train.features"] += region_row("n2", 3.0)

    run(write_data(files), base_model, features, {**SETTINGS, "bad_rows": "set_aside", "most_set_aside": 0.7})

    entry = {"row": 4, "image": "n2", "reason": "row 3 is of the same image; it must be in one row"}
    assert listed(features, "train")[0] == entry
    assert open_questions(features, "train", soft=False).features.max(axis=(1, 2)).tolist() == [0.0, 0.25]


def test_otherwise_a_bad_row_stops_the_step_with_its_number(
    files: Any, features: Path, base_model: Path, write_data: Any, region_row: Any
) -> None:
    files["train.features"] = region_row("n1") + region_row("n2", boxes="AAAA")

    with pytest.raises(
        BadInput,
        match=r"train\.features: row 2 \(image 'n2'\) cannot be used: boxes has 4 characters of base64; "
        r"2 regions take 44; features\.bad_rows: set_aside leaves such ones out and lists them$",
    ):
        run(write_data(files), base_model, features, SETTINGS)

    assert not features.exists()
    assert [path.name for path in features.parent.iterdir() if path.name.startswith(".")] == []


def test_a_question_whose_image_has_no_regions_stops_the_step(
    files: Any, features: Path, base_model: Path, write_data: Any, region_row: Any
) -> None:
    files["validation.features"] = region_row("n5")

    with pytest.raises(
        BadInput,
        match=r"/validation\.questions has 2 bad entries:\n"
        r"  question 01 \(image 'n4'\) cannot be used: validation\.features has no regions of its image [^\n]+\n"
        r"  question 02 \(image 'n4'\) cannot be used: validation\.features has no regions of its image [^\n]+\n"
        r"  features\.bad_rows: set_aside leaves such ones out and lists them$",
    ):
        run(write_data(files), base_model, features, SETTINGS)


def test_all_bad_rows_are_named_by_the_file_that_was_fetched(
    files: Any, features: Path, base_model: Path, write_data: Any, region_row: Any
) -> None:
    files["train.features"] = region_row("n1", boxes="AAAA") + "no row\n" + region_row("n2")

    with pytest.raises(BadInput) as error:
        run(write_data(files, {"train.features": "/data/obj36.tsv"}), base_model, features, SETTINGS)

    assert str(error.value).split("\n") == [
        "/data/obj36.tsv has 2 bad entries:",
        "  row 1 (image 'n1') cannot be used: boxes has 4 characters of base64; 2 regions take 44",
        "  row 2 cannot be used: it has 1 columns; a row of region features has 10",
        "  features.bad_rows: set_aside leaves such ones out and lists them",
    ]


def test_a_split_of_which_nothing_is_left_stops_the_step(
    files: Any, features: Path, base_model: Path, write_data: Any
) -> None:
    files["validation.features"] = ""

    with pytest.raises(BadInput, match=r"validation\.questions has no question about an image in .*validation\.feat"):
        run(write_data(files), base_model, features, {**SETTINGS, "bad_rows": "set_aside"})


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"expected_questions": {"train": 4}}, r"gives 3 questions for train; features\.expected_questions says 4: "),
        ({"expected_questions": {"test": 1}}, r"gives 0 questions for test; features\.expected_questions says 1: "),
        ({"expected_images": {"train": 9}}, r"gives 2 images for train; features\.expected_images says 9: "),
        ({"expected_answers": 1842}, r"the vocabulary has 2 answers; features\.expected_answers says 1,842: "),
        ({"answers_from": ["trian"]}, r"features\.answers_from names the split 'trian'; there are train, validation$"),
        ({"minimum_answers": 2}, r"1 of 2 answers are given to 2 questions; a vocabulary has at least two: "),
        ({"max_length": 9}, r"features\.max_length must be at most 8, the positions that .*config\.json gives the mod"),
    ],
)
def test_what_is_other_than_expected_stops_the_step(
    changed: Dict[str, Any], message: str, files: Any, features: Path, base_model: Path, write_data: Any
) -> None:
    with pytest.raises(BadInput, match=message):
        run(write_data(files), base_model, features, {**SETTINGS, **changed})


def test_wrong_settings_are_all_named(files: Any, features: Path, base_model: Path, write_data: Any) -> None:
    with pytest.raises(Mistakes) as mistakes:
        run(write_data(files), base_model, features, {"labels": "weak", "regoins": 36, "max_length": 2.5})

    assert mistakes.value.lines == [
        "features.regoins is not a setting; did you mean regions?",
        "features.labels must be one of soft, hard; got 'weak'",
        "features.max_length must be a whole number; got 2.5",
    ]


@pytest.mark.parametrize(
    ("setting", "mistake"),
    [
        ({"max_length": 2}, "features.max_length must be at least 3; got 2"),
        ({"regions": 0}, "features.regions must be at least 1; got 0"),
        ({"answers_from": []}, "features.answers_from must name at least one split"),
    ],
)
def test_settings_that_make_no_sense_are_refused(
    setting: Dict[str, Any], mistake: str, files: Any, features: Path, base_model: Path, write_data: Any
) -> None:
    with pytest.raises(Mistakes) as mistakes:
        run(write_data(files), base_model, features, {**SETTINGS, **setting})

    assert mistakes.value.lines == [mistake]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (
            ["train.questions"],
            r"the data has no train\.features; a split has train\.questions with train\.features or ",
        ),
        (["train.features"], r"the data has no train\.questions; "),
        (["train"], r"^here has a file for 'train'; files are known for train\.questions, "),
        (["train.pictures"], r"^here has a file for 'train\.pictures'; "),
    ],
)
def test_files_that_make_no_split_are_refused(
    names: List[str], message: str, files: Any, features: Path, base_model: Path, write_data: Any
) -> None:
    with pytest.raises(BadInput, match=message):
        run(write_data({name: files.get(name, "") for name in names}), base_model, features, SETTINGS)


def test_one_line_a_split_tells_what_was_made(
    files: Any, features: Path, base_model: Path, write_data: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger="podtune"):
        run(write_data(files), base_model, features, SETTINGS)

    first, second = caplog.messages
    assert first.startswith(
        "train: 3 questions about 2 images, 0 out of vocabulary, 0 cut, 0 rows and 0 questions set aside, "
    )
    assert second.startswith("validation: 2 questions about 1 images, 1 out of vocabulary, 0 cut, ")


@pytest.mark.local
def test_the_step_runs_without_kfp(
    files: Any, features: Path, base_model: Path, write_data: Any, tmp_path: Path
) -> None:
    (tmp_path / "features.json").write_text(json.dumps({**SETTINGS, "expected_answers": 9}))
    inputs = ["--raw-data", write_data(files), "--base-model", base_model, "--features", tmp_path / "features.json"]
    command = [sys.executable, "-m", "podtune", "extract_lxmert", *map(str, inputs), "--prepared-data", str(features)]

    refused = subprocess.run(command, capture_output=True, text=True, check=False)
    (tmp_path / "features.json").write_text(json.dumps(SETTINGS))
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr.startswith("error: the vocabulary has 2 answers; features.expected_answers says 9: ")
    assert done.returncode == 0
    assert FEATURES.open(features).facts.splits["train"].rows == 3


def test_what_validation_shares_with_training_is_counted(
    files: Any, features: Path, base_model: Path, write_data: Any, gqa: Any, region_row: Any
) -> None:
    """The image n2 is the training's; n1 is another of the same name, whose boxes are others."""
    boxes = np.array([[0, 0, 64, 48], [64, 48, 320, 240]], dtype="<f4")
    files["validation.questions"] = {
        "01": gqa("n2", "how many", "dog"),
        "02": gqa("n2", "Is it a dog?", "yes"),
        "03": gqa("n1", "A dog is it?", "dog"),
    }
    files["validation.features"] = region_row("n1", 0.25, boxes=boxes) + region_row("n2", 1.5)

    run(write_data(files), base_model, features, {**SETTINGS, "most_duplicates": 0.4})

    assert FEATURES.open(features).facts.profile == {
        "train": SplitProfile(3, 2, [9, 9, 11, 12, 12], [], 0, 2, 2),
        "validation": SplitProfile(
            examples=3,
            sources=2,
            text_lengths=[8, 8, 12, 12, 12],
            source_lengths=[],
            without_answer=0,
            answers=2,
            most_frequent=2,
            overlap=Overlap(exact=0, normalised=1, sources=2, texts=2, named=["01"]),
        ),
    }
    with pytest.raises(BadInput, match=r"1 of 3 questions of validation stand in train too \(33\.33%, such as '01'\)"):
        run(write_data(files), base_model, features, SETTINGS)


def test_a_question_without_a_right_answer_has_none(
    files: Any, features: Path, base_model: Path, write_data: Any
) -> None:
    asked = [{"question_id": n, "img_id": "n4", "sent": "Is it?", "label": {"yes": 1.0} if n else {}} for n in (0, 1)]
    files["validation.questions"] = asked

    run(write_data(files), base_model, features, SETTINGS)

    found = FEATURES.open(features).facts.profile["validation"]
    assert (found.examples, found.without_answer, found.answers) == (2, 1, 1)
