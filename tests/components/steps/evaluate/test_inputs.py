"""What is refused before a model is loaded, on every Python and device."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from podtune.errors import BadInput
from podtune.formats.features import FEATURES
from podtune.formats.sealed import sealing
from podtune.steps.evaluate.step import run


def evaluate(features: Path, checkpoint: Path, output: Path, **settings: Any) -> None:
    run(features, checkpoint, output, evaluation=settings, device="cpu")


def changed(features: Path, **facts: Any) -> Path:
    """The same features that say something else of themselves."""
    found = FEATURES.open(features).facts
    with sealing(features, "features", 1) as draft:
        draft.facts.update({**asdict(found), **facts})
        for path in features.glob("*/*"):
            target = draft.path / path.relative_to(features)
            target.parent.mkdir(exist_ok=True)
            target.write_bytes(path.read_bytes())
    return features


def test_features_of_another_tokenizer_are_refused(features: Path, checkpoint: Path, tmp_path: Path) -> None:
    changed(features, tokenizer="f" * 64)

    with pytest.raises(
        BadInput, match=r"with SHA-256 f{64}; the checkpoint in .*/checkpoint has [0-9a-f]{64}; evaluate"
    ):
        evaluate(features, checkpoint, tmp_path / "evaluation")
    assert not (tmp_path / "evaluation").exists()


def test_features_of_another_task_are_refused(features: Path, checkpoint: Path, tmp_path: Path) -> None:
    changed(features, task="image-captioning")

    with pytest.raises(BadInput, match=r"are for image-captioning; .*/checkpoint was trained for question-answering$"):
        evaluate(features, checkpoint, tmp_path / "evaluation")


def test_an_unknown_split_is_named_with_those_there_are(features: Path, checkpoint: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"^evaluation.split must be one of validation, as .* has; got 'test'$"):
        evaluate(features, checkpoint, tmp_path / "evaluation", split="test")


def test_a_corrupted_shard_is_named(features: Path, checkpoint: Path, tmp_path: Path) -> None:
    shard = features / "validation" / "tokens.values.npy"
    shard.write_bytes(shard.read_bytes()[:-1] + b"!")

    with pytest.raises(BadInput, match=r"tokens\.values\.npy is corrupted"):
        evaluate(features, checkpoint, tmp_path / "evaluation")
