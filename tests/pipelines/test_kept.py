"""Which versions stay, and why."""

from pathlib import Path
from typing import Any, Callable, Optional

import pytest
from podtune.formats.evaluation import Metric
from podtune.formats.release import ModelFacts
from podtune.sections import to_mapping
from podtune.stores.approvals import Approval, write_approval
from podtune.stores.directory_store import DirectoryStore
from podtune.stores.live import move
from podtune.stores.pruning import pin, prune_versions
from podtune.stores.releases import propose, publish, set_live
from podtune_pipelines.kept import Policy, kept_versions, prune, pruned_by

NOTHING = Policy(predecessors=0, before=1e12)


@pytest.fixture
def store(tmp_path: Path) -> DirectoryStore:
    return DirectoryStore(tmp_path / "store")


@pytest.fixture
def release(store: DirectoryStore, tmp_path: Path) -> Callable[..., None]:
    """A function (expected, examples, metrics) that publishes qa with 100 bytes of its own and 10 shared ones."""

    def publish_model(expected: Optional[str], examples: int = 9, how: Any = publish, **metrics: float) -> None:
        (tmp_path / "weights").write_text(f"{expected}".rjust(100))
        (tmp_path / "config").write_text("the shared")
        scores = {name: Metric(value, value, value) for name, value in metrics.items()}
        facts = to_mapping(ModelFacts("question-answering", "c", "e", examples, scores, {}))
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
