import logging
from pathlib import Path

import pytest
from podtune.formats.evaluation import Metric
from podtune.stores.opening import open_store
from podtune.stores.outcomes import Outcome, find_outcome, leave_outcome
from podtune.stores.releases import names

REFUSED = Outcome("refused", "f1 is 1.00, below its floor of 2.00", None, {"f1": Metric(1.0, 0.5, 1.5)})


def test_what_a_run_leaves_is_found_under_its_name_and_is_no_release(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PODTUNE_RUN", "qa-x7k2p")
    store = open_store(str(tmp_path))

    leave_outcome(store.uri, "qa", REFUSED)

    assert list(store.keys("")) == ["runs/qa/qa-x7k2p/refused.json"]
    assert find_outcome(store, "qa", "qa-x7k2p") == REFUSED
    assert find_outcome(store, "qa", "another") is None
    assert names(store) == []


@pytest.mark.parametrize("run", ["", "../../x", "a/b", ".", "x" * 300])
def test_a_run_without_a_name_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: str) -> None:
    monkeypatch.setenv("PODTUNE_RUN", run)

    leave_outcome(str(tmp_path / "store"), "qa", REFUSED)

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("store", "name"), [("gs://nowhere", "qa"), ("store", "../qa")])
def test_a_note_that_cannot_be_written_is_logged_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, store: str, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PODTUNE_RUN", "r1")
    caplog.set_level(logging.WARNING, "podtune")

    leave_outcome(store, name, REFUSED)

    assert "how the run ended cannot be noted" in caplog.text


@pytest.mark.parametrize("damaged", [b"", b"{", b'{"event": "won", "reason": ""}', b'{"event": "refused"}', b"\xff"])
def test_a_damaged_note_is_none(tmp_path: Path, damaged: bytes) -> None:
    store = open_store(str(tmp_path))
    store.create("runs/qa/r1/refused.json", damaged)

    assert find_outcome(store, "qa", "r1") is None
