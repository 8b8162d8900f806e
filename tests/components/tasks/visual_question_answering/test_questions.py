import json
from pathlib import Path

import numpy as np
import pytest
from podtune.errors import BadInput
from podtune.formats.features import FEATURES
from podtune.formats.ragged import Ragged, save_array
from podtune.tasks.visual_question_answering.questions import (
    VisualQuestion,
    open_questions,
    read_answers,
    read_questions,
    split_digest,
    write_answers,
    write_questions,
)

ANSWERS = ["", "dog", "2", "käse"]
QUESTIONS = [
    VisualQuestion("07", "n1", "What is it?", {"cat": 1.0, "2": 0.3, "dog": 0.9}, (), {"semantic": "obj"}),
    VisualQuestion("08", "n2", "And this?", {"käse": 1.0}, ("käse",) * 10, {}),
    VisualQuestion("09", "n1", "That?", {"wall": 1.0}, (), {}),
]
TOKENS = Ragged(np.array([2, 5, 3, 2, 6, 7, 3, 2, 3], dtype=np.int32), np.array([0, 3, 7, 9]))
IMAGE = np.array([0, 1, 0], dtype=np.int32)


def written(folder: Path, tokens: Ragged = TOKENS) -> Path:
    """Features of one split: three questions about two images with two regions of three features."""
    with FEATURES.sealing(folder / "features") as draft:
        directory = draft.path / "train"
        directory.mkdir()
        write_answers(draft.path, ANSWERS)
        save_array(directory, "features", np.arange(12, dtype=np.float16).reshape(2, 2, 3))
        save_array(directory, "boxes", np.arange(16, dtype=np.float32).reshape(2, 2, 4) / 16)
        write_questions(directory, QUESTIONS, tokens, IMAGE, ANSWERS)
    return folder / "features"


def test_questions_and_answers_come_back(tmp_path: Path) -> None:
    features = written(tmp_path)

    assert read_questions(features, "train") == QUESTIONS
    assert read_answers(features) == ANSWERS


def test_a_row_takes_its_tokens_and_its_images_regions(tmp_path: Path) -> None:
    examples = open_questions(written(tmp_path), "train", soft=True)

    assert len(examples) == 3
    assert examples.lengths.tolist() == [5, 6, 4]
    assert examples.names(np.array([2, 0])) == ["09", "07"]


def test_a_batch_joins_questions_with_regions(tmp_path: Path) -> None:
    batch = open_questions(written(tmp_path), "train", soft=True).batch(np.array([1, 0]))

    assert batch.offsets.tolist() == [0, 4, 7]
    assert batch.streams["tokens"].tolist() == [2, 6, 7, 3, 2, 5, 3]
    assert batch.columns["regions"].dtype == np.float16
    assert batch.columns["regions"].tolist() == [[[6, 7, 8], [9, 10, 11]], [[0, 1, 2], [3, 4, 5]]]
    assert batch.columns["boxes"].dtype == np.float32
    assert batch.columns["boxes"][0].tolist() == [[0.5, 0.5625, 0.625, 0.6875], [0.75, 0.8125, 0.875, 0.9375]]


def test_a_soft_target_has_every_answer_of_the_vocabulary(tmp_path: Path) -> None:
    target = open_questions(written(tmp_path), "train", soft=True).batch(np.array([2, 0, 1])).columns["target"]

    assert target.dtype == np.float32
    assert target.tolist() == pytest.approx(np.array([[0, 0, 0, 0], [0, 0.9, 0.3, 0], [0, 0, 0, 1]]))


def test_a_hard_target_is_the_most_right_answer_of_the_vocabulary(tmp_path: Path) -> None:
    target = open_questions(written(tmp_path), "train", soft=False).batch(np.array([2, 0, 1])).columns["target"]

    assert target.dtype == np.int64
    assert target.tolist() == [-100, 1, 3]


def test_arrays_are_memory_mapped_and_rows_are_copies(tmp_path: Path) -> None:
    examples = open_questions(written(tmp_path), "train", soft=True)
    batch = examples.batch(np.array([0]))

    assert not examples.features.flags.owndata
    assert not examples.features.flags.writeable
    assert batch.columns["regions"].flags.writeable


def test_the_digest_knows_no_tokenizer_and_no_vocabulary(tmp_path: Path) -> None:
    features = written(tmp_path)
    first = split_digest(features / "train")
    directory = features / "train"

    write_questions(directory, QUESTIONS, Ragged(TOKENS.values, np.array([0, 1, 2, 9])), IMAGE, ["dog"])

    assert split_digest(directory) == first == "4f31c0403e936dbd0784c386716642c5e4c86c3a8d8dc53086585b3760e6c9f7"


@pytest.mark.parametrize("changed", ["question", "image", "features", "boxes"])
def test_the_digest_knows_what_is_asked_about_what(tmp_path: Path, changed: str) -> None:
    features = written(tmp_path)
    directory = features / "train"
    first = split_digest(directory)

    if changed == "question":
        write_questions(directory, QUESTIONS[::-1], TOKENS, IMAGE, ANSWERS)
    elif changed == "image":
        write_questions(directory, QUESTIONS, TOKENS, 1 - IMAGE, ANSWERS)
    else:
        array = np.load(directory / f"{changed}.npy")
        array[1, 1, 1] += 1
        save_array(directory, changed, array)

    assert split_digest(directory) != first


def test_vqas_training_questions_fit_in_12_gib(tmp_path: Path) -> None:
    features = written(tmp_path)
    images, questions = 82_783, 443_757
    for name, shape, kind in (("features", (images, 36, 2048), np.float16), ("boxes", (images, 36, 4), np.float32)):
        np.lib.format.open_memmap(features / "train" / f"{name}.npy", mode="w+", dtype=kind, shape=shape)  # sparse
    people = ("a short answer",) * 10
    long = VisualQuestion("458752000", "COCO_train2014_000000458752", "Is it of such a length? " * 3, {}, people, {})
    record = len(json.dumps({**vars(long), "labels": dict.fromkeys(map(str, range(10)), 0.3)}))
    arrays = 4 * 20 + 8 + 4 + 10 * (4 + 4) + 8  # 20 tokens, offset, image, ten labels and weights, offset

    regions = sum((features / "train" / f"{name}.npy").stat().st_size for name in ("features", "boxes"))

    assert regions == 82_783 * (36 * 2048 * 2 + 36 * 4 * 4) + 2 * 128
    assert regions + questions * (record + arrays) < 12 * 2**30


def test_a_split_that_is_not_there_is_named_with_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"features has no split 'test' of questions; it has train$"):
        open_questions(written(tmp_path), "test", soft=True)
