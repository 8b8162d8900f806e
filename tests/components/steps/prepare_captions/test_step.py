import io
import json
import logging
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, List

import numpy as np
import pytest
from PIL import Image
from podtune.errors import BadInput
from podtune.formats.features import FEATURES
from podtune.formats.profile import Overlap, SplitProfile
from podtune.formats.raw_data import RawDataFacts
from podtune.formats.sealed import sealing
from podtune.sections import Mistakes, to_mapping
from podtune.steps.prepare_captions.step import run
from podtune.tasks.image_captioning.captions import open_captions, read_records

CAPTIONS = {"max_length": 8.0, "image_size": 32}
SPLIT_FILES = [
    "captions_of.npy",
    "images.jsonl",
    "images.npy",
    "set_aside.jsonl",
    "tokens.offsets.npy",
    "tokens.values.npy",
]
REJECTED = {"caption": "nice", "is_rejected": True}
PRECANNED = {"caption": "Quality issues …", "is_precanned": True}
TRAIN = {
    "a.png": ["cat on", REJECTED, "a\r\ncat", "a"],
    "dark.png": [PRECANNED, PRECANNED],
    "b.png": [PRECANNED, {"caption": "cat", "text_detected": True}],
}


@pytest.fixture
def splits(caption_file: Any, plain_image: Any) -> Dict[str, Any]:
    """Three images, of which one has no caption that is used; and one image."""
    colors = {"train/a.png": (1, 2, 3), "train/dark.png": (0, 0, 0), "train/b.png": (4, 5, 6)}
    train = {name: plain_image(*color) for name, color in colors.items()}
    validation = {"val/a.png": plain_image(7, 8, 9)}
    return {
        "train": (caption_file(TRAIN), train),
        "validation": (caption_file({"a.png": ["a cat", "cat on a"]}, first=23431), validation),
    }


@pytest.fixture
def features(tmp_path: Path) -> Path:
    return tmp_path / "features"


def files_below(directory: Path) -> List[str]:
    return sorted(path.relative_to(directory).as_posix() for path in directory.rglob("*") if path.is_file())


def set_aside(features: Path, split: str) -> List[Any]:
    return [json.loads(line) for line in (features / split / "set_aside.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("folders", [False, True])
def test_the_step_leaves_exactly_the_splits_and_the_same_again(
    splits: Any, folders: bool, features: Path, write_data: Any, write_model: Any
) -> None:
    raw_data, model = write_data(splits, folders=folders), write_model()

    run(raw_data, model, features, CAPTIONS)
    first = FEATURES.open(features)
    run(raw_data, model, features, CAPTIONS)

    files = [f"{split}/{name}" for split in ("train", "validation") for name in SPLIT_FILES]
    assert files_below(features) == sorted(["manifest.json", "tokenizer.json", "previews/validation.jsonl", *files])
    assert FEATURES.open(features).digest == first.digest
    assert (features / "tokenizer.json").read_bytes() == (model / "tokenizer.json").read_bytes()


def test_the_facts_say_what_the_features_were_made_of(
    splits: Any, features: Path, write_data: Any, write_model: Any
) -> None:
    run(write_data(splits), write_model(), features, CAPTIONS)

    facts = FEATURES.open(features).facts
    train, validation = facts.splits["train"], facts.splits["validation"]
    assert facts.task == "image-captioning"
    assert facts.vocabulary_size == 262
    assert facts.settings == {
        "captions_per_image": 1,
        "max_length": 8,
        "keep_rejected": False,
        "keep_precanned": False,
        "bad_rows": "stop",
        "most_set_aside": 0.01,
        "most_duplicates": 0.01,
        "expected_images": {},
        "image_size": 32,
    }
    assert (train.examples, train.rows, train.tokens) == (2, 2, 5)
    assert (validation.examples, validation.rows, validation.tokens) == (1, 1, 4)
    assert facts.details["train"] == {
        "captions": 8,
        "rejected_captions": 1,
        "precanned_captions": 3,
        "empty_captions": 0,
        "captions_set_aside": 0,
        "images": 3,
        "images_without_captions": 1,
        "images_set_aside": 0,
        "learnt_captions": 2,
        "cut_captions": 0,
    }


def test_the_captions_can_be_opened(splits: Any, features: Path, write_data: Any, write_model: Any) -> None:
    run(write_data(splits), write_model(), features, CAPTIONS)

    captions = open_captions(features, "train")
    first, second = read_records(features / "train")
    assert captions.images.shape == (2, 32, 32, 3)
    assert captions.images[:, 31, 31].tolist() == [[1, 2, 3], [4, 5, 6]]
    assert [captions.tokens.row(row).tolist() for row in range(2)] == [[259, 261, 0], [259, 0]]
    assert captions.captions_of.tolist() == [0, 1, 2]
    assert captions.names(np.arange(2)) == ["0", "2"]
    assert (first.file, first.captions, first.references) == ("a.png", ("cat on",), ("cat on", "a cat", "a"))
    assert (first.slices, second.slices) == ({}, {"text_detected": "yes"})


def test_all_captions_of_an_image_can_be_learnt(splits: Any, features: Path, write_data: Any, write_model: Any) -> None:
    run(write_data(splits), write_model(), features, {**CAPTIONS, "captions_per_image": 5})

    captions = open_captions(features, "train")
    assert captions.captions_of.tolist() == [0, 3, 4]
    assert captions.tokens.lengths.tolist() == [3, 4, 2, 2]
    assert [len(record.captions) for record in read_records(features / "train")] == [3, 1]


def test_every_image_is_kept_where_no_caption_is_left_out(
    splits: Any, features: Path, write_data: Any, write_model: Any
) -> None:
    everything = {**CAPTIONS, "keep_rejected": True, "keep_precanned": True, "max_length": 16}

    run(write_data(splits), write_model(), features, {**everything, "expected_images": {"train": 3, "validation": 1}})

    assert open_captions(features, "train").names(np.arange(3)) == ["0", "1", "2"]
    assert read_records(features / "train")[2].captions == ("Quality issues …",)


def test_images_that_are_left_out_are_listed(splits: Any, features: Path, write_data: Any, write_model: Any) -> None:
    splits["train"][1]["train/a.png"] = b""

    run(write_data(splits), write_model(), features, {**CAPTIONS, "bad_rows": "set_aside", "most_set_aside": 0.5})

    facts = FEATURES.open(features).facts
    assert set_aside(features, "train") == [
        {"id": "0", "file": "a.png", "reason": "it is no image"},
        {"id": "1", "file": "dark.png", "reason": "it has no caption that is used"},
    ]
    assert set_aside(features, "validation") == []
    assert [record.id for record in read_records(features / "train")] == ["2"]
    assert open_captions(features, "train").images.tolist() == np.full((1, 32, 32, 3), (4, 5, 6)).tolist()
    assert (facts.splits["train"].rows, facts.details["train"]["images_set_aside"]) == (1, 1)


def test_more_than_the_stated_share_of_images_stops_the_step(
    splits: Any, features: Path, write_data: Any, write_model: Any
) -> None:
    splits["train"][1]["train/a.png"] = b""

    with pytest.raises(
        BadInput,
        match=r"raw/train\.zip: a\.png cannot be decoded: it is no image; 1 of 2 images would be set aside; "
        r"features\.most_set_aside allows a share of 0\.01, and never all$",
    ):
        run(write_data(splits), write_model(), features, {**CAPTIONS, "bad_rows": "set_aside"})


def test_a_damaged_image_stops_the_step_unless_it_may_be_set_aside(
    splits: Any, features: Path, write_data: Any, write_model: Any
) -> None:
    splits["train"][1].update({"train/a.png": b"", "train/b.png": b""})

    with pytest.raises(BadInput) as error:
        run(write_data(splits), write_model(), features, CAPTIONS)

    assert str(error.value).endswith(
        "raw/train.zip has 2 bad entries:\n"
        "  a.png cannot be decoded: it is no image\n"
        "  b.png cannot be decoded: it is no image\n"
        "  features.bad_rows: set_aside leaves such ones out and lists them"
    )
    assert not features.exists()
    assert [path.name for path in features.parent.iterdir() if path.name.startswith(".")] == []


def test_a_split_without_a_whole_image_is_refused(
    splits: Any, features: Path, write_data: Any, write_model: Any
) -> None:
    splits["validation"][1]["val/a.png"] = b""

    with pytest.raises(BadInput, match=r"1 of 1 images would be set aside; .* a share of 1, and never all$"):
        run(write_data(splits), write_model(), features, {**CAPTIONS, "bad_rows": "set_aside", "most_set_aside": 1})
    for caption in splits["validation"][0]["annotations"]:
        caption["caption"] = ""
    with pytest.raises(BadInput, match=r"validation\.json leaves no image that has a caption$"):
        run(write_data(splits), write_model(), features, CAPTIONS)


def test_another_tokenizer_and_other_captions_to_learn_make_other_features_of_the_same_examples(
    splits: Any, tmp_path: Path, write_data: Any, write_model: Any, like_gpt2: Any
) -> None:
    raw_data = write_data(splits)
    model = write_model(name="other", tokenizer=like_gpt2([]))

    run(raw_data, write_model(), tmp_path / "one", CAPTIONS)
    run(raw_data, model, tmp_path / "two", {**CAPTIONS, "captions_per_image": 5})
    run(raw_data, model, tmp_path / "three", {**CAPTIONS, "keep_precanned": True})

    facts = [FEATURES.open(tmp_path / name).facts for name in ("one", "two", "three")]
    one, two, three = (of_run.splits for of_run in facts)
    assert facts[0].tokenizer != facts[1].tokenizer
    assert (one["train"].tokens, two["train"].tokens) == (5, 19)
    assert one["train"].digest == two["train"].digest
    assert one["train"].digest != three["train"].digest
    assert one["train"].digest != one["validation"].digest


def test_one_line_a_split_tells_what_was_made(
    splits: Any, features: Path, write_data: Any, write_model: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger="podtune"):
        run(write_data(splits), write_model(), features, CAPTIONS)

    first, second = caplog.messages
    assert first.startswith(
        "train: 2 images, 2 captions to learn, 1 rejected and 3 precanned left out, 1 images without a caption and"
        " 0 others set aside, "
    )
    assert second.startswith("validation: 1 images, 1 captions to learn, 0 rejected and 0 precanned left out, ")
    assert first.endswith(" images/s")


def test_another_number_of_images_than_expected_stops_before_any_is_decoded(
    splits: Any, features: Path, write_data: Any, write_model: Any
) -> None:
    splits["train"][1]["train/a.png"] = b""
    raw_data, model = write_data(splits), write_model()

    with pytest.raises(BadInput) as error:
        run(raw_data, model, features, {**CAPTIONS, "expected_images": {"train": 3}})
    with pytest.raises(BadInput, match=r"^here gives 0 images with a caption that is used for test; "):
        run(raw_data, model, features, {**CAPTIONS, "expected_images": {"train": 2, "test": 1}})

    assert str(error.value).endswith(
        "here gives 2 images with a caption that is used for train; features.expected_images says 3:"
        " the data, the tokenizer or the settings are others than the recipe's; "
        "if they are meant to be others: --set features.expected_images={}"
    )


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"train": "a.json"}, "here has no train.captions; it has train"),
        ({"train.captions": "a.json"}, "here has no train.images; it has train.captions"),
    ],
)
def test_data_of_another_kind_is_refused(
    files: Any, message: str, features: Path, tmp_path: Path, write_model: Any
) -> None:
    with sealing(tmp_path / "raw", "raw-data", 1) as draft:
        draft.facts.update(to_mapping(RawDataFacts("here", "tiny", "", "cc-by-4.0", files)))

    with pytest.raises(BadInput) as error:
        run(tmp_path / "raw", write_model(), features, CAPTIONS)

    assert str(error.value).endswith(message)


def test_an_image_that_is_missing_stops_the_step_before_any_is_decoded_or_is_set_aside(
    splits: Any, features: Path, write_data: Any, write_model: Any, plain_image: Any
) -> None:
    del splits["train"][1]["train/b.png"]
    splits["train"][1]["train/a.png"] = b""
    raw_data, model = write_data(splits), write_model()

    with pytest.raises(BadInput, match=r"raw/train\.zip has no file 'b\.png', which the caption file names; feat"):
        run(raw_data, model, features, CAPTIONS)
    splits["train"][1]["train/a.png"] = plain_image(1, 2, 3)
    run(write_data(splits), model, features, {**CAPTIONS, "bad_rows": "set_aside", "most_set_aside": 0.5})

    reason = "train.zip has no file 'b.png', which the caption file names"
    assert set_aside(features, "train")[0] == {"id": "2", "file": "b.png", "reason": reason}
    assert [record.id for record in read_records(features / "train")] == ["0"]


def test_messages_name_the_files_that_were_fetched(
    splits: Any, features: Path, write_data: Any, write_model: Any
) -> None:
    origins = {"train.captions": "/data/captions.json", "train.images": "https://host/vizwiz/train.zip"}
    splits["train"][1]["train/b.png"] = b""

    with pytest.raises(BadInput, match=r"^https://host/vizwiz/train\.zip: b\.png cannot be decoded: it is no image; "):
        run(write_data(splits, origins=origins), write_model(), features, CAPTIONS)
    del splits["train"][0]["images"][0]["id"]
    with pytest.raises(BadInput, match=r"^/data/captions\.json: images\[0\] is not caption JSON: it has no 'id'"):
        run(write_data(splits, origins=origins), write_model(), features, CAPTIONS)


def test_wrong_settings_are_all_named(splits: Any, features: Path, write_data: Any, write_model: Any) -> None:
    wrong = {"captions_per_image": 0, "max_length": 1, "image_size": 8, "most_set_aside": 1.5}

    with pytest.raises(Mistakes) as unknown:
        run(write_data(splits), write_model(), features, {"max_lenght": 8, "bad_rows": "skip"})
    with pytest.raises(Mistakes) as impossible:
        run(write_data(splits), write_model(), features, wrong)

    assert unknown.value.lines == [
        "features.max_lenght is not a setting; did you mean max_length?",
        "features.bad_rows must be one of stop, set_aside; got 'skip'",
    ]
    assert impossible.value.lines == [
        "features.captions_per_image must be at least 1; got 0",
        "features.max_length must be at least 2; got 1",
        "features.image_size must lie between 16 and 1024; got 8",
        "features.most_set_aside must be from 0 to 1; got 1.5",
    ]


@pytest.mark.local
def test_the_step_runs_without_kfp(
    splits: Any, features: Path, write_data: Any, write_model: Any, tmp_path: Path
) -> None:
    (tmp_path / "features.yaml").write_text("max_length: 8\nimage_size: 16\n")
    inputs = ["--raw-data", write_data(splits), "--base-model", write_model(), "--features", tmp_path / "features.yaml"]
    command = [sys.executable, "-m", "podtune", "prepare_captions", *map(str, inputs), "--prepared-data", str(features)]

    refused = subprocess.run(command, capture_output=True, text=True, check=False)
    (tmp_path / "features.yaml").write_text("max_length: 8\nimage_size: 32\n")
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr.startswith("error: features.image_size must be 32, as ")
    assert done.returncode == 0
    assert FEATURES.open(features).facts.splits["train"].rows == 2


def test_what_validation_shares_with_training_is_counted(
    splits: Any, features: Path, write_data: Any, write_model: Any, caption_file: Any, plain_image: Any
) -> None:
    """One file is training's, one holds the same pixels otherwise, and one is another with training's caption."""
    same, other = plain_image(1, 2, 3), plain_image(9, 9, 9)
    rewritten = io.BytesIO()
    Image.open(io.BytesIO(plain_image(4, 5, 6))).save(rewritten, "PNG", compress_level=0, pnginfo=None)
    captions = {"x.png": ["a"], "y.png": ["on a"], "z.png": ["Cat on."]}
    images = {"val/x.png": same, "val/y.png": rewritten.getvalue(), "val/z.png": other}
    splits["validation"] = (caption_file(captions, first=50), images)

    run(write_data(splits), write_model(), features, {**CAPTIONS, "most_duplicates": 0.7})

    profile = FEATURES.open(features).facts.profile
    assert profile["train"] == SplitProfile(2, 2, [3, 3, 4, 6, 6], [], 0, 2, 1)
    assert profile["validation"] == SplitProfile(
        examples=3,
        sources=3,
        text_lengths=[1, 1, 4, 7, 7],
        source_lengths=[],
        without_answer=0,
        answers=3,
        most_frequent=1,
        overlap=Overlap(exact=1, normalised=2, sources=1, texts=1, named=["50", "51"]),
    )
    with pytest.raises(
        BadInput, match=r"2 of 3 images of validation stand in train too \(66\.67%, such as '50', '51'\)"
    ):
        run(write_data(splits), write_model(), features, CAPTIONS)
