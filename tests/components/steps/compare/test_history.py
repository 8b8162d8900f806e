from pathlib import Path
from typing import Any, Dict

import pytest
from podtune.formats.verdict import PastVersion
from podtune.steps.compare import history
from podtune.stores.directory_store import DirectoryStore
from podtune.stores.releases import publish


@pytest.fixture
def released(store: DirectoryStore, tmp_path: Path) -> Any:
    """A function that releases a model with this F1 after version `expected`."""

    def release(f1: float, expected: Any = None, **facts: Any) -> str:
        (tmp_path / "config.json").write_text(str(f1))
        found: Dict[str, Any] = {
            "task": "question-answering",
            "checkpoint": "c",
            "evaluation": "e",
            "examples": 500,
            "metrics": {"f1": {"value": f1, "low": 0.0, "high": 100.0}},
            "card": {},
            **facts,
        }
        files = {"config.json": tmp_path / "config.json"}
        return publish(store, "qa", files=files, facts=found, expected=expected).version

    return release


def told(versions: Any) -> Any:
    return [(one.version, one.examples, one.metrics) for one in versions]


def test_versions_are_told_oldest_first(store: DirectoryStore, released: Any) -> None:
    assert history.history_of(store, "qa") == []

    released(60.0)
    released(70.0, "1", examples=400)

    assert told(history.history_of(store, "qa")) == [("1", 500, {"f1": 60.0}), ("2", 400, {"f1": 70.0})]


def test_only_the_newest_are_read(store: DirectoryStore, released: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "MOST", 1)
    released(60.0)
    released(70.0, "1")

    assert told(history.history_of(store, "qa")) == [("2", 500, {"f1": 70.0})]


def test_a_damaged_version_and_one_of_other_facts_are_left_out(store: DirectoryStore, released: Any) -> None:
    for f1, expected in ((60.0, None), (70.0, "1"), (80.0, "2")):
        released(f1, expected, **({"metrics": {}, "unknown": 1} if f1 == 70.0 else {}))
    Path(store.uri, "releases/qa/versions/1/manifest.json").write_text("{")

    (left,) = history.history_of(store, "qa")

    assert left == PastVersion("3", left.created, 500, {"f1": 80.0})
