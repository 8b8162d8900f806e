import hashlib
import json
import logging
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from podtune.errors import BadInput
from podtune.formats.features import FEATURES
from podtune.formats.profile import Overlap, SplitProfile
from podtune.sections import Mistakes
from podtune.steps.tokenize_squad.step import run
from podtune.tasks.question_answering.questions import read_questions
from podtune.tasks.question_answering.windows import open_windows

WINDOWS = {"max_length": 8.0, "overlap": 2}
SPLIT_FILES = [
    "answer_end.npy",
    "answer_start.npy",
    "context_length.npy",
    "context_start.npy",
    "contexts.jsonl",
    "first_context_token.npy",
    "question.npy",
    "question_context.npy",
    "questions.jsonl",
    "set_aside.jsonl",
    "token_spans.offsets.npy",
    "token_spans.values.npy",
    "tokens.offsets.npy",
    "tokens.values.npy",
]


@pytest.fixture
def raw_data(write_data: Any, squad_file: Any) -> Path:
    train = squad_file("b c d e f g", ("t1", " a", "e f", 6), ("t2", "a", "b", 0))
    validation = squad_file("Paris.", ("v1", "a", "Paris", 0), ("v2", "a"), version="v2.0")
    return write_data({"train": train, "validation": validation})


@pytest.fixture
def features(tmp_path: Path) -> Path:
    return tmp_path / "features"


def files_below(directory: Path) -> "list[str]":
    return sorted(path.relative_to(directory).as_posix() for path in directory.rglob("*") if path.is_file())


def test_the_step_leaves_exactly_the_splits_and_the_same_again(
    raw_data: Path, features: Path, write_model: Any
) -> None:
    model = write_model()

    run(raw_data, model, features, WINDOWS)
    first = FEATURES.open(features)
    run(raw_data, model, features, WINDOWS)

    files = [f"{split}/{name}" for split in ("train", "validation") for name in SPLIT_FILES]
    assert files_below(features) == sorted(["manifest.json", *files])
    assert FEATURES.open(features).digest == first.digest


def test_the_facts_say_what_the_features_were_made_of(raw_data: Path, features: Path, write_model: Any) -> None:
    model = write_model()

    run(raw_data, model, features, WINDOWS)

    facts = FEATURES.open(features).facts
    assert facts.tokenizer == hashlib.sha256((model / "tokenizer.json").read_bytes()).hexdigest()
    train, validation = facts.splits["train"], facts.splits["validation"]
    assert facts.task == "question-answering"
    assert facts.vocabulary_size == 226
    assert facts.settings == {
        "max_length": 8,
        "overlap": 2,
        "expected_windows": {},
        "bad_rows": "stop",
        "most_set_aside": 0.01,
        "most_duplicates": 0.01,
    }
    assert facts.details == {
        "train": {"impossible_questions": 0, "impossible_questions_with_answers": 0, "questions_set_aside": 0},
        "validation": {"impossible_questions": 1, "impossible_questions_with_answers": 0, "questions_set_aside": 0},
    }
    assert (train.examples, train.rows, train.tokens) == (2, 4, 32)
    assert (validation.examples, validation.rows, validation.tokens) == (2, 2, 12)
    assert train.digest == "cd82d5ef6cf209c00219953183d3c5518ce23d9463ff4c2c97a69a808ddda211"


def test_no_file_is_hashed_twice(raw_data: Path, features: Path, write_model: Any, hashed: Any) -> None:
    model = write_model()
    hashed.forget()

    run(raw_data, model, features, WINDOWS)

    assert len(hashed) == len(set(hashed))
    assert str(model / "tokenizer.json") in hashed


def test_the_windows_can_be_opened(raw_data: Path, features: Path, write_model: Any) -> None:
    run(raw_data, write_model(), features, WINDOWS)

    windows = open_windows(features, "validation")
    assert windows.tokens.row(1).tolist() == [2, 100, 3, 11, 12, 3]
    assert windows.answer_start.tolist() == [3, 0]
    assert windows.answer_end.tolist() == [3, 0]


def test_another_tokenizer_makes_other_features_of_the_same_examples(
    raw_data: Path, tmp_path: Path, write_model: Any
) -> None:
    run(raw_data, write_model("bert", name="bert"), tmp_path / "one", {"max_length": 32, "overlap": 2})
    run(raw_data, write_model("roberta", name="roberta"), tmp_path / "two", {"max_length": 32, "overlap": 2})

    one, two = (FEATURES.open(tmp_path / name).facts for name in ("one", "two"))
    assert one.tokenizer != two.tokenizer
    assert one.splits["train"].digest == two.splits["train"].digest
    assert one.splits["train"].digest != one.splits["validation"].digest


def test_one_line_a_split_tells_what_was_made(
    raw_data: Path, features: Path, write_model: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger="podtune"):
        run(raw_data, write_model(), features, WINDOWS)

    first, second = caplog.messages
    assert first.startswith("train: 2 questions, 4 windows, 32 tokens, 2 windows without the answer, 0 questions set ")
    assert second.startswith("validation: 2 questions, 2 windows, 12 tokens, 1 windows without the answer, 0 quest")
    assert first.endswith(" windows/s")


def test_a_wrong_split_changes_nothing_that_was_there(
    raw_data: Path, features: Path, write_model: Any, write_data: Any, squad_file: Any
) -> None:
    run(raw_data, write_model(), features, WINDOWS)
    before = FEATURES.open(features).digest
    good, bad = squad_file("b", ("t", "a", "b", 0)), squad_file("b", ("v", "a", "c", 0))

    with pytest.raises(BadInput, match=r"raw/validation\.json: data\[0\]\.paragraphs\[0\]\.qas\[0\] \(question 'v'\)"):
        run(write_data({"train": good, "validation": bad}), write_model(), features, WINDOWS)

    assert FEATURES.open(features).digest == before
    assert [path.name for path in features.parent.iterdir() if path.name.startswith(".")] == []


@pytest.fixture
def with_bad_rows(write_data: Any, squad_file: Any) -> Path:
    """Of four questions for training one has its answer elsewhere, and one is longer than a window."""
    asked = [("t1", " a", "e f", 6), ("t2", "a", "b", 2), ("t3", " a" * 5, "b", 0), ("t4", "a", "b", 0)]
    train, validation = squad_file("b c d e f g", *asked), squad_file("Paris.", ("v1", "a", "Paris", 0))
    return write_data({"train": train, "validation": validation}, {"train": "/data/train.json"})


def test_by_policy_bad_questions_are_set_aside_listed_and_counted(
    with_bad_rows: Path, features: Path, write_model: Any
) -> None:
    run(with_bad_rows, write_model(), features, {**WINDOWS, "bad_rows": "set_aside", "most_set_aside": 0.5})

    assert [json.loads(line) for line in (features / "train" / "set_aside.jsonl").read_text().splitlines()] == [
        {
            "reason": "data[0].paragraphs[0].qas[1] (question 't2'): the answer 'b' is not in its context at character"
            " 2; it is at 0"
        },
        {
            "reason": "question 't3' leaves room for 0 of its context's 6 tokens in a window of 8, of which the next"
            " window would repeat 2; raise features.max_length or lower features.overlap"
        },
    ]
    facts, windows = FEATURES.open(features).facts, open_windows(features, "train")
    assert (facts.splits["train"].examples, facts.details["train"]["questions_set_aside"]) == (2, 2)
    assert [windows.tokens.row(row).tolist() for row in windows.question.searchsorted([0, 1])] == [
        [2, 100, 3, 101, 102, 103, 104, 3],
        [2, 100, 3, 101, 102, 103, 104, 3],
    ]
    assert [question.id for question in read_questions(features, "train")] == ["t1", "t4"]


def test_otherwise_all_bad_questions_are_named_at_once(with_bad_rows: Path, features: Path, write_model: Any) -> None:
    with pytest.raises(BadInput) as error:
        run(with_bad_rows, write_model(), features, WINDOWS)

    title, first, second, cure = str(error.value).split("\n")
    assert title == "/data/train.json has 2 bad entries:"
    assert first.startswith("  data[0].paragraphs[0].qas[1] (question 't2'): the answer 'b' is not in its context ")
    assert second.startswith("  question 't3' leaves room for 0 of its context's 6 tokens in a window of 8, ")
    assert cure == "  features.bad_rows: set_aside leaves such ones out and lists them"
    assert not features.exists()


def test_more_than_the_stated_share_of_questions_stops_the_step(
    with_bad_rows: Path, features: Path, write_model: Any
) -> None:
    with pytest.raises(BadInput) as error:
        run(with_bad_rows, write_model(), features, {**WINDOWS, "bad_rows": "set_aside", "most_set_aside": 0.49})

    title, *_, last = str(error.value).split("\n")
    assert title == "/data/train.json has 2 bad entries:"
    assert (
        last == "  2 of 4 questions would be set aside; features.most_set_aside allows a share of 0.49, and never all"
    )
    assert not features.exists()


def test_a_split_without_a_good_question_stops_the_step_by_any_policy(
    features: Path, write_model: Any, write_data: Any, squad_file: Any
) -> None:
    bad = write_data({"train": squad_file("b", ("t", "a", "c", 0))})

    with pytest.raises(BadInput, match=r"the answer 'c' is not in its context at character 0; "):
        run(bad, write_model(), features, {**WINDOWS, "bad_rows": "set_aside", "most_set_aside": 1})


def test_messages_name_the_file_that_was_fetched(
    features: Path, write_model: Any, write_data: Any, squad_file: Any
) -> None:
    bad, long = squad_file("b", ("t", "a", "c", 0)), squad_file("b c d e f g h", ("t", " a" * 5, "b", 0))
    origins = {"train": "/data/my train.json"}

    with pytest.raises(BadInput, match=r"^/data/my train\.json: data\[0\]\.paragraphs\[0\]\.qas\[0\] \(question 't'\)"):
        run(write_data({"train": bad}, origins), write_model(), features, WINDOWS)
    with pytest.raises(BadInput, match=r"^/data/my train\.json: question 't' leaves room for 0 of its context's 7 "):
        run(write_data({"train": long}, origins), write_model(), features, WINDOWS)


def test_what_is_not_raw_data_or_changed_is_refused(raw_data: Path, features: Path, write_model: Any) -> None:
    model = write_model()
    with pytest.raises(BadInput, match=r"model holds base-model, not raw-data$"):
        run(model, model, features, WINDOWS)
    (raw_data / "train.json").write_text((raw_data / "train.json").read_text().replace("t1", "t9"))
    with pytest.raises(BadInput, match=r"train\.json is corrupted: its SHA-256 is "):
        run(raw_data, model, features, WINDOWS)

    assert not features.exists()


def test_corrupted_features_are_refused(raw_data: Path, features: Path, write_model: Any) -> None:
    run(raw_data, write_model(), features, WINDOWS)
    shard = features / "train" / "tokens.values.npy"
    shard.write_bytes(shard.read_bytes()[:-1] + b"\x01")

    with pytest.raises(BadInput, match=r"train/tokens\.values\.npy is corrupted: its SHA-256 is "):
        FEATURES.open(features)


def test_features_of_another_version_are_refused(raw_data: Path, features: Path, write_model: Any) -> None:
    run(raw_data, write_model(), features, WINDOWS)
    manifest = json.loads((features / "manifest.json").read_text())
    del manifest["sha256"]
    (features / "manifest.json").write_text(json.dumps({**manifest, "version": 2}))

    with pytest.raises(BadInput, match=r"features holds features of version 2; this podtune reads version 1$"):
        FEATURES.open(features)


def test_wrong_settings_are_all_named(raw_data: Path, features: Path, write_model: Any) -> None:
    with pytest.raises(Mistakes) as mistakes:
        run(raw_data, write_model(), features, {"max_lenght": 8, "overlap": 1.5})

    assert mistakes.value.lines == [
        "features.max_lenght is not a setting; did you mean max_length?",
        "features.overlap must be a whole number; got 1.5",
    ]
    with pytest.raises(Mistakes) as mistakes:
        run(raw_data, write_model(), features, {"bad_rows": "set_aside", "most_set_aside": -0.1})
    assert mistakes.value.lines == ["features.most_set_aside must be from 0 to 1; got -0.1"]


def test_another_number_of_windows_than_expected_stops_the_step(
    raw_data: Path, features: Path, write_model: Any
) -> None:
    run(raw_data, write_model(), features, {**WINDOWS, "expected_windows": {"train": 4, "validation": 2}})

    with pytest.raises(BadInput, match=r"gives 4 windows for train; features\.expected_windows says 5: the data, "):
        run(raw_data, write_model(), features, {**WINDOWS, "expected_windows": {"train": 5}})
    with pytest.raises(BadInput, match=r"gives 0 windows for test; features\.expected_windows says 1: "):
        run(raw_data, write_model(), features, {**WINDOWS, "expected_windows": {"test": 1}})


@pytest.mark.local
def test_the_step_runs_without_kfp(raw_data: Path, features: Path, write_model: Any, tmp_path: Path) -> None:
    (tmp_path / "features.yaml").write_text("max_length: 8\noverlap: 7\n")
    inputs = ["--raw-data", raw_data, "--base-model", write_model(), "--features", tmp_path / "features.yaml"]
    command = [sys.executable, "-m", "podtune", "tokenize_squad", *map(str, inputs), "--prepared-data", str(features)]

    refused = subprocess.run(command, capture_output=True, text=True, check=False)
    (tmp_path / "features.yaml").write_text("max_length: 8\noverlap: 2\n")
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr.startswith(
        f"error: {raw_data}/train.json has 2 bad entries:\n"
        "  question 't1' leaves room for 4 of its context's 6 tokens in a window of 8, of which the next window would"
    )
    assert done.returncode == 0
    assert FEATURES.open(features).facts.splits["train"].rows == 4


def test_what_validation_shares_with_training_is_counted(
    write_data: Any, squad_file: Any, features: Path, write_model: Any
) -> None:
    train = squad_file("b c d e f g", ("t1", "a", "e f", 6), ("t2", "h", "b", 0))
    validation = squad_file("B, c d e f g", ("v1", " A?", "e f", 7), ("v2", "i"), version="v2.0")
    raw_data = write_data({"train": train, "validation": validation})

    run(raw_data, write_model(), features, {**WINDOWS, "most_duplicates": 0.5})

    assert FEATURES.open(features).facts.profile == {
        "train": SplitProfile(2, 1, [1, 1, 1, 1, 1], [11, 11, 11, 11, 11], 0, 2, 1),
        "validation": SplitProfile(
            examples=2,
            sources=1,
            text_lengths=[1, 1, 2, 3, 3],
            source_lengths=[12, 12, 12, 12, 12],
            without_answer=1,
            answers=1,
            most_frequent=1,
            overlap=Overlap(exact=0, normalised=1, sources=2, texts=1, named=["v1"]),
        ),
    }


def test_more_than_a_few_questions_in_both_splits_stop_the_step(
    write_data: Any, squad_file: Any, features: Path, write_model: Any
) -> None:
    same = squad_file("b c d e f g", ("q1", "a", "e f", 6), ("q2", "h", "b", 0))

    with pytest.raises(
        BadInput, match=r"2 of 2 questions of validation stand in train too \(100\.00%, such as 'q1', 'q2'\)"
    ) as stopped:
        run(write_data({"train": same, "validation": same}), write_model(), features, WINDOWS)

    assert "--set features.most_duplicates=1" in str(stopped.value)
    assert not features.exists()
