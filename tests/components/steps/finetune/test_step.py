import json
import os
import re
import shutil
import socket
from pathlib import Path
from typing import Any, Dict

import pytest
from podtune.errors import BadInput, Interrupted, TryAgainLater
from podtune.formats.checkpoint import CHECKPOINT, read_log
from podtune.formats.facts import open_facts
from podtune.formats.features import FEATURES
from podtune.formats.sealed import sealing
from podtune.steps.finetune.step import run
from podtune.stores.lock_file import locked
from podtune.tasks.task import task_named
from podtune.training.config import TrainingConfig
from podtune.training.engines import open_engine
from podtune.training.loop import Run, train
from podtune.training.resume import States

Training = Dict[str, Any]


def files(directory: Path) -> "list[str]":
    return sorted(path.relative_to(directory).as_posix() for path in directory.rglob("*") if path.is_file())


def lines(checkpoint: Path) -> "list[Dict[str, Any]]":
    return [json.loads(line) for line in (checkpoint / "log.jsonl").read_text().splitlines()]


def finetune(features: Path, base_model: Path, directory: Path, training: Training) -> Path:
    workspace = str(directory / "workspace")
    run(features, base_model, directory / "checkpoint", training=training, device="cpu", workspace=workspace)
    return directory / "checkpoint"


def test_the_facts_of_a_checkpoint_have_its_log_and_no_weights(
    features: Path, base_model: Path, training: Training, tmp_path: Path
) -> None:
    places = {"workspace": str(tmp_path / "workspace"), "checkpoint_facts": tmp_path / "facts"}

    run(features, base_model, tmp_path / "checkpoint", training=training, device="cpu", **places)

    assert files(tmp_path / "facts") == ["artifact.json", "log.jsonl", "manifest.json"]
    facts = open_facts(CHECKPOINT, tmp_path / "facts")
    assert facts.manifest == CHECKPOINT.open(tmp_path / "checkpoint").manifest
    assert read_log(facts.path) == lines(tmp_path / "checkpoint")


def test_a_checkpoint_is_complete_and_nothing_else_is_left(
    features: Path, base_model: Path, training: Training, tmp_path: Path
) -> None:
    checkpoint = finetune(features, base_model, tmp_path, training)
    first = (checkpoint / "model" / "model.safetensors").read_bytes()
    left = [name for name in files(tmp_path) if not name.startswith("workspace/")]
    states = sorted(path.name for path in tmp_path.glob("workspace/*/step-*"))
    shutil.rmtree(tmp_path / "workspace")
    checkpoint = finetune(features, base_model, tmp_path, training)

    assert states == ["step-00000016", "step-00000020"]
    assert left == [
        "checkpoint/log.jsonl",
        "checkpoint/manifest.json",
        "checkpoint/model/config.json",
        "checkpoint/model/model.safetensors",
        "checkpoint/model/tokenizer.json",
        "checkpoint/model/tokenizer_config.json",
        "checkpoint/tensorboard/events.out.tfevents.podtune",
    ]
    assert (checkpoint / "model" / "model.safetensors").read_bytes() == first


def test_a_finished_training_whose_artifact_was_lost_writes_it_at_once(
    features: Path, base_model: Path, training: Training, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    checkpoint = finetune(features, base_model, tmp_path, training)
    first = (checkpoint / "model" / "model.safetensors").read_bytes()
    shutil.rmtree(checkpoint)
    caplog.set_level("INFO")

    checkpoint = finetune(features, base_model, tmp_path, training)

    assert (checkpoint / "model" / "model.safetensors").read_bytes() == first
    assert [message for message in caplog.messages if message.startswith("step ")] == []
    assert CHECKPOINT.open(checkpoint).facts.steps == 20


def test_another_process_with_the_same_training_is_named(
    features: Path, base_model: Path, training: Training, tmp_path: Path
) -> None:
    finetune(features, base_model, tmp_path, training)
    (states,) = (tmp_path / "workspace").iterdir()

    with locked(states / "lock", "held"), pytest.raises(TryAgainLater) as refused:
        finetune(features, base_model, tmp_path, training)

    assert str(refused.value) == (
        f"this training is under way in process {os.getpid()} on {socket.gethostname()}; start again when it has ended"
    )


def test_settings_of_images_and_of_writing_stay_with_the_model(
    features: Path, base_model: Path, training: Training, tmp_path: Path
) -> None:
    added = {"preprocessor_config.json": '{"size": 224}', "generation_config.json": '{"num_beams": 4}'}
    with sealing(tmp_path / "base", "base-model", 1) as draft:
        shutil.copytree(base_model, draft.path, dirs_exist_ok=True, ignore=shutil.ignore_patterns("manifest.json"))
        for name, text in added.items():
            (draft.path / name).write_text(text)
        draft.facts.update(json.loads((base_model / "manifest.json").read_text())["facts"])

    checkpoint = finetune(features, tmp_path / "base", tmp_path, training)

    assert {name: (checkpoint / "model" / name).read_text() for name in added} == added


def test_no_file_is_hashed_twice(
    features: Path, base_model: Path, training: Training, tmp_path: Path, hashed: Any
) -> None:
    finetune(features, base_model, tmp_path, {**training, "epochs": 1, "evaluate_every": 5})

    assert len(hashed) == len(set(hashed))
    assert str(features / "train" / "tokens.values.npy") in hashed


def test_a_checkpoint_says_how_it_was_made(
    features: Path, base_model: Path, training: Training, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PODTUNE_IMAGE", "example.org/python-cpu:0.1.0@sha256:0")
    checkpoint = finetune(features, base_model, tmp_path, training)

    facts = CHECKPOINT.open(checkpoint).facts
    assert (facts.task, facts.steps, facts.steps_per_epoch, facts.examples_seen) == ("question-answering", 20, 5, 160)
    assert (facts.kept_step, facts.resumed) == (20, 0)
    assert facts.training["learning_rate"] == 5e-3
    assert facts.training["schedule"] == "linear"
    assert facts.hardware["device"] == "cpu"
    assert facts.software["podtune"]
    assert facts.image == "example.org/python-cpu:0.1.0@sha256:0"
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", facts.finished)
    assert [line["step"] for line in lines(checkpoint)] == [5, 10, 15, 20]
    assert facts.train_loss == pytest.approx(sum(line["loss"] for line in lines(checkpoint)) / 4)
    assert facts.seconds == lines(checkpoint)[-1]["seconds"]


def test_transformers_answers_with_it(features: Path, base_model: Path, training: Training, tmp_path: Path) -> None:
    from transformers import AutoModelForQuestionAnswering, AutoTokenizer

    checkpoint = finetune(features, base_model, tmp_path, {**training, "epochs": 12, "dropout": 0.0})

    tokenizer = AutoTokenizer.from_pretrained(checkpoint / "model")
    model = AutoModelForQuestionAnswering.from_pretrained(checkpoint / "model")
    inputs = tokenizer("where does the wren live", "the wren lives in lima near the toad", return_tensors="pt")
    outputs = model(**inputs)
    start, end = int(outputs.start_logits.argmax()), int(outputs.end_logits.argmax())
    assert tokenizer.decode(inputs["input_ids"][0, start : end + 1]) == "lima"


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("calls", [3, 8, 13])
def test_a_real_model_continues_exactly(
    features: Path, base_model: Path, training: Training, tmp_path: Path, precision: str, calls: int
) -> None:
    config = TrainingConfig(**{**training, "precision": precision, "max_steps": 16})
    whole = finetune(features, base_model, tmp_path, {**training, "precision": precision, "max_steps": 16})
    task, opened = task_named("question-answering"), FEATURES.open(features)

    def one_run(after: int) -> Run:
        engine = open_engine(task.objective(opened, task.evaluation()), base_model, config, "cpu")
        states, count = States(tmp_path / "states", 2), iter(range(1, 100))
        return Run(engine, task.open_examples(opened, "train"), config, states, lambda: next(count) == after, dict)

    with pytest.raises(Interrupted):
        train(one_run(after=calls))
    continued = one_run(after=0)
    trained = train(continued)
    continued.engine.save_model(tmp_path / "continued")

    weights = "model.safetensors"
    assert (tmp_path / "continued" / weights).read_bytes() == (whole / "model" / weights).read_bytes()
    assert [line["loss"] for line in trained.lines] == [line["loss"] for line in lines(whole)]


def test_the_best_weights_are_kept(features: Path, base_model: Path, training: Training, tmp_path: Path) -> None:
    wanted = {"learning_rate": 0.02, "evaluate_every": 5, "best_metric": "f1"}
    checkpoint = finetune(features, base_model, tmp_path, {**training, **wanted})

    found = {line["step"]: line["evaluation"] for line in lines(checkpoint) if "evaluation" in line}
    facts = CHECKPOINT.open(checkpoint).facts
    assert list(found) == [5, 10, 15, 20]
    assert set(found[5]) == {"exact_match", "f1", "loss"}
    assert found[facts.kept_step]["f1"] == max(metrics["f1"] for metrics in found.values())


def test_data_smaller_than_a_batch_is_refused(
    features: Path, base_model: Path, training: Training, tmp_path: Path
) -> None:
    with pytest.raises(BadInput, match=r"there are 40 rows to train on, and one optimizer step takes 64"):
        finetune(features, base_model, tmp_path, {**training, "batch_size": 64})

    assert files(tmp_path) == []
