from pathlib import Path

import pytest
from podtune.stores.directory_store import DirectoryStore
from podtune.training.mirror import Mirror, directory_name, step_of


@pytest.fixture
def store(tmp_path: Path) -> DirectoryStore:
    return DirectoryStore(tmp_path / "store")


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    (tmp_path / "here" / "engine").mkdir(parents=True)
    (tmp_path / "here" / "manifest.json").write_text("{}")
    (tmp_path / "here" / "engine" / "weights").write_text("w")
    return tmp_path / "here"


def test_names_sort_like_steps() -> None:
    assert [directory_name(step) for step in (5, 58_936)] == ["step-00000005", "step-00058936"]
    assert step_of("step-00058936") == 58_936


def test_other_runs_are_left_alone(store: DirectoryStore, checkpoint: Path) -> None:
    Mirror(store, "one").hold({5: checkpoint})
    Mirror(store, "other").hold({10: checkpoint})

    Mirror(store, "one").hold({})

    assert Mirror(store, "one").steps() == []
    assert Mirror(store, "other").steps() == [10]


def test_a_checkpoint_without_its_manifest_is_not_there(store: DirectoryStore, checkpoint: Path) -> None:
    Mirror(store, "run").hold({5: checkpoint})
    store.delete("run/step-00000005/manifest.json")

    assert Mirror(store, "run").steps() == []


def test_what_is_there_is_not_uploaded_again(store: DirectoryStore, checkpoint: Path) -> None:
    Mirror(store, "run").hold({5: checkpoint})
    (checkpoint / "engine" / "weights").write_text("other")

    Mirror(store, "run").hold({5: checkpoint})

    assert store.read("run/step-00000005/engine/weights") == b"w"
