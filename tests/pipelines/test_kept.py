"""Which versions stay, and why."""

import hashlib
import os
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any, Callable, Optional

import pytest
from podtune.formats.evaluation import Metric
from podtune.formats.release import ModelFacts
from podtune.formats.sealed import canonical_json
from podtune.sections import to_mapping
from podtune.stores.approvals import Approval, write_approval
from podtune.stores.directory_store import DirectoryStore
from podtune.stores.live import move
from podtune.stores.pruning import pin, prune_versions
from podtune.stores.refusals import Refusal
from podtune.stores.releases import propose, publish, set_live
from podtune_pipelines.kept import Policy, kept_versions, prunable_names, prune, pruned_by

NOTHING = Policy(predecessors=0, before=1e12)


@pytest.fixture
def store(tmp_path: Path) -> DirectoryStore:
    return DirectoryStore(tmp_path / "store")


@pytest.fixture
def release(store: DirectoryStore, tmp_path: Path) -> Callable[..., None]:
    """A function (expected, examples, metrics) that publishes qa with 100 bytes of its own and 10 shared ones."""

    def publish_model(  # what differs from release to release
        expected: Optional[str],
        examples: int = 9,
        how: Any = publish,
        data: str = "",
        anchor: str = "",
        **metrics: float,
    ) -> None:
        (tmp_path / "weights").write_text(f"{expected}".rjust(100))
        (tmp_path / "config").write_text("the shared")
        scores = {name: Metric(value, value, value) for name, value in metrics.items()}
        anchors = {"f1": anchor} if data else {}
        facts = to_mapping(ModelFacts("question-answering", "c", "e", examples, scores, {}, data, anchors))
        files = {"weights": tmp_path / "weights", "config": tmp_path / "config"}
        how(store, "qa", files=files, facts=facts, expected=expected)

    return publish_model


def test_the_live_one_and_those_before_it_stay(store: DirectoryStore, release: Any) -> None:
    for expected in (None, "1", "2", "3"):
        release(expected)

    assert kept_versions(store, "qa", Policy(2, 1e12)) == {"4": "live", "3": "live before", "2": "live before"}


def test_what_was_live_before_is_counted_by_moves(store: DirectoryStore, release: Any) -> None:
    for expected in (None, "1", "2"):
        release(expected)
    set_live(store, "qa", "1", 3)

    assert kept_versions(store, "qa", Policy(1, 1e12)) == {"1": "live", "3": "live before"}


def test_a_move_of_pruning_makes_nothing_live_before(store: DirectoryStore, release: Any) -> None:
    for expected in (None, "1", "2"):
        release(expected)
    prune_versions(store, "qa", lambda: {"1"})

    assert kept_versions(store, "qa", Policy(1, 1e12)) == {"3": "live", "1": "live before"}


def test_pinned_and_young_ones_stay(store: DirectoryStore, release: Any) -> None:
    for expected in (None, "1", "2"):
        release(expected)
    pin(store, "qa", "1")

    assert kept_versions(store, "qa", NOTHING) == {"3": "live", "1": "pinned"}
    assert kept_versions(store, "qa", Policy(0, 0)) == {"3": "live", "2": "young", "1": "pinned"}


def test_what_waits_for_approval_stays_for_a_time(store: DirectoryStore, release: Any) -> None:
    release(None)
    release("1", how=propose)

    assert kept_versions(store, "qa", NOTHING) == {"1": "live", "2": "waits for approval"}
    assert kept_versions(store, "qa", Policy(0, 1e12, asked=1e12)) == {"1": "live"}


def test_what_was_approved_stays_as_any_that_was_live(store: DirectoryStore, release: Any) -> None:
    release(None, how=propose)
    write_approval(store, "qa", Approval("1", 1, "2026-11-28T03:04:05+00:00", "Anna", "read", None, []), "n")
    move(store, "qa", version="1", after=0, nonce="n")
    release("1")

    assert kept_versions(store, "qa", NOTHING) == {"2": "live"}
    assert kept_versions(store, "qa", Policy(1, 1e12)) == {"2": "live", "1": "live before"}


def test_the_best_by_each_metric_on_as_many_examples_stays(store: DirectoryStore, release: Any) -> None:
    release(None, f1=90, exact_match=70)
    release("1", f1=80, exact_match=75)
    release("2", f1=80, exact_match=70)
    release("3", examples=5, f1=10)
    release("4", f1=70, exact_match=60)

    assert kept_versions(store, "qa", NOTHING) == {
        "5": "live",
        "1": "best f1 on 9",
        "2": "best exact_match on 9",
        "4": "best f1 on 5",
    }


def test_the_best_on_each_data_stays_though_another_has_as_many_examples(store: DirectoryStore, release: Any) -> None:
    release(None, data="a", f1=90)
    release("1", data="b", f1=80)
    release("2", data="b", f1=70)

    assert kept_versions(store, "qa", NOTHING) == {"3": "live", "1": "best f1 on 9", "2": "best f1 on 9"}


def test_what_the_next_model_is_held_against_stays(store: DirectoryStore, release: Any) -> None:
    release(None, data="a", f1=80)
    release("1", data="a", anchor="1", f1=79)
    set_live(store, "qa", "1", 2)
    release("1", data="a", anchor="1", f1=78)
    release("3", data="a", anchor="2", f1=90)

    assert kept_versions(store, "qa", NOTHING) == {"4": "live", "2": "anchor of 4"}
    assert kept_versions(store, "qa", Policy(1, 1e12)) == {
        "4": "live",
        "3": "live before",
        "2": "anchor of 4",
        "1": "anchor of 3",
    }


def test_a_version_that_cannot_be_read_stays(store: DirectoryStore, release: Any) -> None:
    release(None)
    release("1")
    (Path(store.uri) / "releases/qa/versions/1/manifest.json").write_text("{")

    assert kept_versions(store, "qa", NOTHING) == {"2": "live", "1": "cannot be read"}


def test_where_nothing_is_live_all_stays(store: DirectoryStore, release: Any) -> None:
    release(None)
    store.delete("releases/qa/live/1.json")

    assert kept_versions(store, "qa", NOTHING) == {"1": "nothing is live yet"}


def test_a_plan_says_what_a_pruning_does(store: DirectoryStore, release: Any) -> None:
    for expected in (None, "1", "2"):
        release(expected)

    planned, done = pruned_by(store, ["qa"], Policy(1, 1e12)), prune(store, ["qa"], Policy(1, 1e12))

    assert planned == done
    assert [(one.version, one.bytes, one.kept) for one in done.versions] == [
        ("1", 110, ""),
        ("2", 110, "live before"),
        ("3", 110, "live"),
    ]
    assert (done.contents, done.bytes) == (1, 100)
    assert sorted(one.size for one in store.listing("blobs/")) == [10, 100, 100]


def note(store: DirectoryStore, run: str, event: str, days: float, data: bytes = b"{}") -> None:
    """Have a run end so many days ago."""
    _made(store, f"runs/qa/{run}/{event}.json", days, data)


def refuse(store: DirectoryStore, live: Optional[str], days: float) -> str:
    """Put a refusal on record so many days ago; its key."""
    record = Refusal("a" * 64, f"{days}", "worse", {"f1": Metric(1.0, 0.5, 1.5)}, live, live, {}, readable=True)
    data = canonical_json(asdict(record))
    return _made(store, f"refusals/qa/{'a' * 64}/{hashlib.sha256(data).hexdigest()}.json", days, data)


def _made(store: DirectoryStore, key: str, days: float, data: bytes) -> str:
    store.create(key, data)
    then = time.time() - days * 86_400
    os.utime(Path(store.uri, key), (then, then))
    return key


def test_old_records_of_refusals_go_unless_they_are_of_the_live_version(store: DirectoryStore, release: Any) -> None:
    release(None)
    release("1")
    policy = Policy(predecessors=9, before=time.time() - 7 * 86_400)
    stale = [refuse(store, "1", 8), refuse(store, None, 9)]
    stays = [refuse(store, "1", 6), refuse(store, "2", 8)]
    damaged = _made(store, "refusals/qa/b/c.json", 8, b"{")

    planned = pruned_by(store, ["qa"], policy)

    assert set(planned.records) == {*stale, damaged}
    assert prune(store, ["qa"], policy).records == planned.records
    assert set(store.keys("refusals/")) == set(stays)


def test_old_words_on_ended_runs_go_but_those_in_a_row(store: DirectoryStore) -> None:
    policy = Policy(predecessors=9, before=time.time() - 7 * 86_400)
    for run, event, days in (
        ("r1", "refused", 40),
        ("r2", "released", 30),
        ("r3", "failed", 20),
        ("r4", "refused", 10),
    ):
        note(store, run, event, days)
    _made(store, "runs/key/step-00000010/manifest.json", 40, b"{}")
    _made(store, "runs/qa/step-00000010/log.jsonl", 40, b"{}")
    _made(store, "runs/.Trash/r1/failed.json", 40, b"{}")
    _made(store, "refusals/.DS_Store", 40, b"")

    assert prunable_names(store) == ["qa"]
    assert set(prune(store, ["qa"], policy).records) == {"runs/qa/r1/refused.json", "runs/qa/r2/released.json"}
    assert list(store.keys("runs/")) == [
        "runs/.Trash/r1/failed.json",
        "runs/key/step-00000010/manifest.json",
        "runs/qa/r3/failed.json",
        "runs/qa/r4/refused.json",
        "runs/qa/step-00000010/log.jsonl",
    ]


def test_young_words_on_ended_runs_stay(store: DirectoryStore) -> None:
    note(store, "r1", "released", 6)

    assert pruned_by(store, ["qa"], Policy(9, time.time() - 7 * 86_400)).records == []
