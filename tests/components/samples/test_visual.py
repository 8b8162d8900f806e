import base64
import hashlib
import json
from pathlib import Path
from typing import Any, Dict, List, Tuple

import numpy as np
import pytest
from podtune.samples.visual import write_visual_questions

SPLITS = ("train", "validation")
KINDS = ["ball", "bird", "boat", "cat", "chair", "dog", "horse", "kite"]
COLORS = ["black", "blue", "gray", "green", "red", "white", "maroon"]

# The same on every machine and every Python: the reuse of earlier runs and the demo's result stand on them.
FILES: Dict[str, Dict[str, str]] = {
    "vqa": {
        "train.annotations.json": "006f8b6bee9f02fd5a37a9d18496ec7b3ea12d708aa68d4d95aae78f010b30e9",
        "train.features.tsv": "94facbe63e2e0ffdf5c0d60499bdf7c56190948bba852ff2d25cd78ecec76b9f",
        "train.questions.json": "82b6e7ba4f18d6df56a9e0fb7e58d8a88d3b33b3208e96c3cbf2d6e4a16be942",
        "validation.annotations.json": "89dcca4d6fe2aea68d51c1d1d7a616311b783038afbd3e5b77bf0373d0bc3cc8",
        "validation.features.tsv": "bd79408496ecb478a8ddfb50d0e213f9eb4b8e6747eb76c4e069a954393cd357",
        "validation.questions.json": "0d3e8e62d926da31b085e424882f30520b7db9fb6e8a958a2fdb89e9d8fa7194",
    },
    "gqa": {
        "train.features.tsv": "a2ff0045bf2464b5911cea5b256ead092318724540a97782659251468db55a67",
        "train.questions.json": "f83647d5817fb7bdc96bd180ad570d05b9f96aad8bf5536febf7933228f6a5d2",
        "validation.features.tsv": "2e239a8c9ce2bf61026b71463f26e6f0b56c83b8d38f5d2583d165c7f543eb6d",
        "validation.questions.json": "0520ab6b84f9726636831a8f3f16697316e0354b85aab51bab91243fe97cdb81",
    },
}


@pytest.fixture(scope="module", params=["vqa", "gqa"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def sample(kind: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """60 questions about ten pictures, and 25 about five."""
    directory = tmp_path_factory.mktemp(kind)
    write_visual_questions(directory, seed=1, train=60, validation=25, kind=kind)
    return directory


def read_json(sample: Path, name: str) -> Any:
    return json.loads((sample / f"{name}.json").read_text(encoding="utf-8"))


def pairs(sample: Path, kind: str, split: str) -> List[Tuple[str, str, str]]:
    """Picture's name in the TSV, question and true answer of every question."""
    questions = read_json(sample, f"{split}.questions")
    if kind == "gqa":
        return [(asked["imageId"], asked["question"], asked["answer"]) for asked in questions.values()]
    annotations = read_json(sample, f"{split}.annotations")["annotations"]
    name = f"COCO_{questions['data_subtype']}"
    return [
        (f"{name}_{asked['image_id']:012}", asked["question"], answered["multiple_choice_answer"])
        for asked, answered in zip(questions["questions"], annotations)
    ]


def rows(sample: Path, split: str) -> Dict[str, Dict[str, Any]]:
    """Picture's name to its row of the TSV, decoded as LXMERT's own reader does it."""
    kinds = {"objects_id": "<i8", "attrs_id": "<i8"}
    names = ("objects_id", "objects_conf", "attrs_id", "attrs_conf", "num_boxes", "boxes", "features")
    found = {}
    for line in (sample / f"{split}.features.tsv").read_text(encoding="ascii").splitlines():
        image, height, width, *fields = line.split("\t")
        assert len(fields) == 7
        row: Dict[str, Any] = {"height": int(height), "width": int(width)}
        for name, field in zip(names, fields):
            decoded = base64.b64decode(field, validate=True) if name != "num_boxes" else b""
            row[name] = np.frombuffer(decoded, kinds.get(name, "<f4")) if decoded else int(field)
        row["boxes"] = row["boxes"].reshape(row["num_boxes"], 4)
        row["features"] = row["features"].reshape(row["num_boxes"], 2048)
        found[image] = row
    return found


def test_a_seed_gives_the_same_bytes_everywhere(sample: Path, kind: str) -> None:
    assert {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sample.iterdir()} == FILES[kind]


def test_the_names_of_the_raw_data_are_told(tmp_path: Path) -> None:
    assert write_visual_questions(tmp_path, seed=2, train=1, validation=1, kind="vqa") == {
        "train.questions": "train.questions.json",
        "train.annotations": "train.annotations.json",
        "train.features": "train.features.tsv",
        "validation.questions": "validation.questions.json",
        "validation.annotations": "validation.annotations.json",
        "validation.features": "validation.features.tsv",
    }
    assert "train.annotations" not in write_visual_questions(tmp_path, seed=2, train=1, validation=1, kind="gqa")


@pytest.mark.parametrize(("split", "count", "images"), [("train", 60, 10), ("validation", 25, 5)])
def test_a_split_has_so_many_questions_about_pictures_with_regions(
    sample: Path, kind: str, split: str, count: int, images: int
) -> None:
    found = pairs(sample, kind, split)

    assert len(found) == count
    assert {image for image, _, _ in found} == set(rows(sample, split))
    assert len(rows(sample, split)) == images


@pytest.mark.parametrize("split", SPLITS)
def test_a_row_is_one_of_lxmerts_tsv(sample: Path, split: str) -> None:
    for row in rows(sample, split).values():
        x1, y1, x2, y2 = row["boxes"].T
        assert row["num_boxes"] == 36
        assert [len(row[name]) for name in ("objects_id", "objects_conf", "attrs_id", "attrs_conf")] == [36] * 4
        assert ((x1 >= 0) & (x1 < x2) & (x2 <= row["width"])).all()
        assert ((y1 >= 0) & (y1 < y2) & (y2 <= row["height"])).all()
        assert np.array_equal(row["features"].astype(np.float16).astype(np.float32), row["features"])


@pytest.mark.parametrize("split", SPLITS)
def test_every_answer_can_be_seen_in_the_regions(sample: Path, kind: str, split: str) -> None:
    seen = rows(sample, split)
    for image, _, answer in pairs(sample, kind, split):
        row = seen[image]
        things = set(row["objects_id"].tolist()) & set(range(len(KINDS)))
        mine = np.flatnonzero(np.isin(row["objects_id"], list(things)))
        assert len(things) == 1
        if answer in ("yes", "no"):
            assert ({KINDS[number] for number in things} <= {"bird", "cat", "dog", "horse"}) == (answer == "yes")
        elif answer in ("left", "right"):
            middle = row["width"] // 2
            left, right = row["boxes"][mine, 2] <= middle, row["boxes"][mine, 0] >= middle
            assert (left if answer == "left" else right).all()
        elif not answer.isdecimal():
            assert {COLORS[color] for color in row["attrs_id"][mine]} == {answer}


def test_a_number_can_be_seen_in_the_features(tmp_path: Path) -> None:
    write_visual_questions(tmp_path, seed=1, train=240, validation=8, kind="vqa")
    seen = rows(tmp_path, "train")
    raised: Dict[str, Any] = {}
    for image, question, answer in pairs(tmp_path, "vqa", "train"):
        if answer.isdecimal():
            asked = next(number for number, name in enumerate(KINDS) if f" {name}" in question)
            mine = seen[image]["features"][seen[image]["objects_id"] == asked]
            raised[answer] = raised.get(answer, True) & (mine >= 2).all(axis=0)

    assert {answer: int(features.sum()) for answer, features in raised.items()} == {"1": 16, "2": 16, "3": 16}
    assert not (raised["1"] & raised["2"] & raised["3"]).any()


@pytest.mark.parametrize("role", ["objects_id", "attrs_id"])
def test_features_tell_what_a_region_shows(tmp_path: Path, role: str) -> None:
    write_visual_questions(tmp_path, seed=1, train=200, validation=25, kind="gqa")
    first, second = rows(tmp_path, "train"), rows(tmp_path, "validation")
    means: Dict[int, Any] = {}
    for row in first.values():
        for number, features in zip(row[role], row["features"]):
            means.setdefault(int(number), []).append(features)
    typical = {number: np.mean(of, axis=0) for number, of in means.items()}

    right = [
        min(typical, key=lambda number, seen=features: float(np.square(typical[number] - seen).sum())) == number
        for row in second.values()
        for number, features in zip(row[role].tolist(), row["features"])
        if number in typical
    ]

    assert np.mean(right) > 0.95


def test_a_picture_of_the_validation_has_an_answer_that_training_never_gives(sample: Path, kind: str) -> None:
    trained = {answer for _, _, answer in pairs(sample, kind, "train")}

    unknown = [answer for _, _, answer in pairs(sample, kind, "validation") if answer not in trained | set(COLORS[:6])]

    assert unknown == ["maroon", "maroon"]


def test_another_seed_gives_other_pictures(tmp_path: Path) -> None:
    for name, seed in (("one", 1), ("two", 2)):
        write_visual_questions(tmp_path / name, seed=seed, train=20, validation=20, kind="gqa")

    assert pairs(tmp_path / "one", "gqa", "train") != pairs(tmp_path / "two", "gqa", "train")


def test_vqa_has_ten_answers_of_three_types_with_some_dissent(tmp_path: Path) -> None:
    write_visual_questions(tmp_path, seed=1, train=400, validation=20, kind="vqa")
    annotations = read_json(tmp_path, "train.annotations")["annotations"]
    questions = read_json(tmp_path, "train.questions")["questions"]

    assert {annotation["answer_type"] for annotation in annotations} == {"yes/no", "number", "other"}
    assert {tuple(answer["answer_id"] for answer in found["answers"]) for found in annotations} == {tuple(range(1, 11))}
    assert [found["question_id"] for found in annotations] == [asked["question_id"] for asked in questions]
    assert questions[13]["question_id"] == 1000 * questions[13]["image_id"] + 1
    assert sum(len({answer["answer"] for answer in found["answers"]}) > 1 for found in annotations) > 100
    said = {answer["answer"] for found in annotations for answer in found["answers"]}
    assert {"two", "the left", "Gray."} < said  # which only the official rules make right
    for found in annotations:
        assert sum(answer["answer"] == found["multiple_choice_answer"] for answer in found["answers"]) >= 6


def test_some_of_gqas_ids_begin_with_zeros(tmp_path: Path) -> None:
    write_visual_questions(tmp_path, seed=1, train=400, validation=400, kind="gqa")
    ids = [list(read_json(tmp_path, f"{split}.questions")) for split in SPLITS]

    assert [sum(name.startswith("0") for name in of_split) for of_split in ids] == [200, 73]
    assert {len(name) for of_split in ids for name in of_split} == {8}
    assert not set(ids[0]) & set(ids[1])


def test_gqas_questions_have_every_published_field(tmp_path: Path) -> None:
    write_visual_questions(tmp_path, seed=1, train=20, validation=20, kind="gqa")

    for asked in read_json(tmp_path, "train.questions").values():
        assert sorted(asked) == [
            "annotations",
            "answer",
            "entailed",
            "equivalent",
            "fullAnswer",
            "groups",
            "imageId",
            "isBalanced",
            "question",
            "semantic",
            "semanticStr",
            "types",
        ]
        assert sorted(asked["types"]) == ["detailed", "semantic", "structural"]
