"""What is refused before a model is loaded, on every Python and device."""

import json
import shutil
from pathlib import Path
from typing import Any, Dict

import pytest
from podtune.errors import BadInput
from podtune.formats.sealed import sealing
from podtune.sections import Mistakes
from podtune.steps.finetune.step import run

Training = Dict[str, Any]


def finetune(features: Path, base_model: Path, directory: Path, training: Training) -> None:
    workspace = str(directory / "workspace")
    run(features, base_model, directory / "checkpoint", training=training, device="cpu", workspace=workspace)


def test_features_of_another_tokenizer_are_refused(
    features: Path, base_model: Path, training: Training, tmp_path: Path
) -> None:
    shutil.copytree(features, tmp_path / "features")
    manifest = json.loads((features / "manifest.json").read_text())
    del manifest["sha256"]
    manifest["facts"]["tokenizer"] = "ab" * 32
    (tmp_path / "features" / "manifest.json").write_text(json.dumps(manifest))

    with pytest.raises(BadInput) as raised:
        finetune(tmp_path / "features", base_model, tmp_path, training)

    message = str(raised.value)
    assert message.startswith(f"features in {tmp_path}/features were made for the tokenizer with SHA-256 {'ab' * 32}; ")
    assert f"this model, tiny/bert in {base_model}, has " in message
    assert not (tmp_path / "checkpoint").exists()


def test_a_model_with_too_few_embeddings_is_refused(
    features: Path, base_model: Path, training: Training, tmp_path: Path
) -> None:
    with sealing(tmp_path / "model", "base-model", 1) as draft:
        shutil.copyfile(base_model / "tokenizer.json", draft.path / "tokenizer.json")
        (draft.path / "config.json").write_text('{"vocab_size": 20}')
        draft.facts.update(json.loads((base_model / "manifest.json").read_text())["facts"])

    with pytest.raises(BadInput, match=r"config\.json: vocab_size is 20; the features have token ids up to 24"):
        finetune(features, tmp_path / "model", tmp_path, training)


def test_corrupted_features_are_refused(features: Path, base_model: Path, training: Training, tmp_path: Path) -> None:
    shutil.copytree(features, tmp_path / "features")
    shard = tmp_path / "features" / "train" / "tokens.values.npy"
    shard.write_bytes(shard.read_bytes()[:-1] + b"\1")

    with pytest.raises(BadInput, match=r"tokens\.values\.npy is corrupted"):
        finetune(tmp_path / "features", base_model, tmp_path, training)


def test_a_split_that_is_needed_later_is_asked_for_at_once(
    features: Path, base_model: Path, training: Training, tmp_path: Path
) -> None:
    with sealing(tmp_path / "features", "features", 1) as draft:
        shutil.copytree(features / "train", draft.path / "train")
        draft.facts.update(json.loads((features / "manifest.json").read_text())["facts"])

    with pytest.raises(BadInput, match="has no split 'validation'; it has train"):
        finetune(tmp_path / "features", base_model, tmp_path, {**training, "evaluate_every": 5})

    assert not (tmp_path / "workspace").exists()


def test_every_mistake_in_the_settings_is_reported(features: Path, base_model: Path, tmp_path: Path) -> None:
    with pytest.raises(Mistakes) as raised:
        finetune(features, base_model, tmp_path, {"epochs": 0, "batchsize": 2, "learning_rate": 1.0})

    assert raised.value.lines == [
        "training.batchsize is not a setting; did you mean batch_size?",
        "training.batch_size is missing",
    ]


def test_an_unknown_device_is_refused(features: Path, base_model: Path, training: Training, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="device must be one of cpu, gpu, ipu; got 'tpu'"):
        run(features, base_model, tmp_path / "c", training=training, device="tpu", workspace=str(tmp_path / "w"))
