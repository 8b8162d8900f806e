"""Versions that wait for a person: made, kept apart from others, and approved by a record and its move."""

import itertools
from pathlib import Path
from typing import Any, Callable, List, Optional

import pytest
from inputs.dying_store import Died, DyingStore
from podtune.errors import BadInput
from podtune.formats.release import ReleaseManifest
from podtune.stores.approvals import (
    Approval,
    approval_of,
    approving_command,
    candidates,
    waiting_versions,
    write_approval,
)
from podtune.stores.directory_store import DirectoryStore
from podtune.stores.live import live_version, move
from podtune.stores.pruned import pruned_versions
from podtune.stores.pruning import prune_versions
from podtune.stores.releases import lost_file, propose, publish, read_live, read_release, set_live, versions
from podtune.stores.store import Store

How = Callable[..., ReleaseManifest]


@pytest.fixture
def make(tmp_path: Path) -> How:
    """A function (how, store, content, expected) that publishes or proposes qa: a model of two files."""
    numbers = itertools.count()

    def make_version(how: How, store: Any, content: str, expected: Optional[str]) -> ReleaseManifest:
        source = tmp_path / f"source-{next(numbers)}"
        source.mkdir()
        (source / "weights").write_text(content)
        (source / "config").write_text("shared")
        files = {"weights": source / "weights", "config": source / "config"}
        return how(store, "qa", files=files, facts={}, expected=expected)

    return make_version


def _approve(store: Store, version: str, number: int, *, moved: bool = True) -> Approval:
    """Approve a version by the move of this number; or die before the move."""
    approval = Approval(version, number, "2026-11-28T03:00:00+00:00", "Anna", "read", None, ["fine"])
    write_approval(store, "qa", approval, f"nonce-{version}")
    if moved:
        move(store, "qa", version=version, after=number - 1, nonce=f"nonce-{version}")
    return approval


def _live(store: Store) -> Optional[str]:
    live = live_version(store, "qa")
    return live.version if live else None


def test_a_candidate_is_whole_and_leaves_live_what_is_live(store: Store, make: How) -> None:
    make(publish, store, "one", None)

    manifest = make(propose, store, "two", "1")

    assert (manifest.version, manifest.parent, _live(store)) == ("2", "1", "1")
    assert lost_file(store, read_release(store, "qa", "2")) is None
    assert waiting_versions(store, "qa") == ["2"]
    assert list(store.keys("releases/qa/live/")) == ["releases/qa/live/1.json"]


def test_what_waits_already_makes_no_new_version(store: Store, make: How) -> None:
    made = [make(propose, store, content, None).version for content in ("one", "two", "one")]

    assert (made, waiting_versions(store, "qa")) == (["1", "2", "1"], ["1", "2"])


def test_a_publisher_does_not_take_up_a_candidate(store: Store, make: How) -> None:
    make(propose, store, "one", None)

    assert make(publish, store, "one", None).version == "2"

    assert (waiting_versions(store, "qa"), _live(store)) == (["1"], "2")


def test_an_approval_counts_with_its_move(store: Store, make: How) -> None:
    for content in ("one", "two"):
        make(propose, store, content, None)

    unfinished, approval = _approve(store, "1", 1, moved=False), _approve(store, "2", 1)

    assert unfinished.move == approval.move
    assert (approval_of(store, "qa", "1"), approval_of(store, "qa", "2")) == (None, approval)
    assert (waiting_versions(store, "qa"), candidates(store, "qa")) == (["1"], {"1", "2"})


def test_what_was_approved_and_rolled_back_from_is_proposed_as_a_new_version(store: Store, make: How) -> None:
    make(publish, store, "one", None)
    make(propose, store, "two", "1")
    _approve(store, "2", 2)
    set_live(store, "qa", "1", 2)

    assert make(propose, store, "two", "1").version == "3"

    assert (waiting_versions(store, "qa"), _live(store)) == (["3"], "1")
    set_live(store, "qa", "2", 3)  # nobody has to approve it again


def test_a_rollback_does_not_make_a_candidate_live(store: Store, make: How) -> None:
    make(publish, store, "one", None)
    make(propose, store, "two", "1")

    with pytest.raises(BadInput) as raised:
        set_live(store, "qa", "2", 1)

    command = f"podtune approve qa 2 --store {store.uri}"
    assert str(raised.value) == f"qa 2 in {store.uri} waits for approval; {command} makes it live"
    assert _live(store) == "1"


def test_where_nothing_is_live_yet_the_candidate_is_named(store: Store, make: How) -> None:
    make(propose, store, "one", None)

    with pytest.raises(BadInput, match="no live release named qa; one waits: podtune approve qa 1 --store"):
        read_live(store, "qa")


def test_a_candidate_that_was_pruned_waits_no_more_and_is_made_anew(store: Store, make: How) -> None:
    make(publish, store, "one", None)
    make(propose, store, "two", "1")
    prune_versions(store, "qa", lambda: ())

    assert waiting_versions(store, "qa") == []
    assert make(propose, store, "two", "1").version == "3"
    assert list(pruned_versions(store, "qa")) == ["2"]


def test_a_damaged_approval_is_named(directory_store: DirectoryStore, make: How) -> None:
    make(propose, directory_store, "one", None)
    directory_store.create("releases/qa/approvals/1/a.json", b"{")

    with pytest.raises(BadInput, match=r"approvals/1/a.json in .* is damaged; restore it, or delete it"):
        waiting_versions(directory_store, "qa")


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize(("dies_at", "what"), [*enumerate(["blob", "blob", "manifest", "candidate"])])
def test_what_died_on_the_way_is_taken_up(tmp_path: Path, make: How, dies_at: int, what: str, after: bool) -> None:
    with pytest.raises(Died):
        make(propose, DyingStore(tmp_path / "store", dies_at, after), "one", None)

    store = DirectoryStore(tmp_path / "store")
    assert waiting_versions(store, "qa") == (["1"] if (what, after) == ("candidate", True) else [])
    assert make(propose, store, "one", None).version == "1"
    assert (versions(store, "qa"), waiting_versions(store, "qa"), _live(store)) == (["1"], ["1"], None)


def test_what_is_pruned_at_this_moment_is_made_once_more(tmp_path: Path, make: How) -> None:
    store = DirectoryStore(tmp_path / "store")
    make(publish, store, "one", None)

    class PrunedMeanwhile(DirectoryStore):
        def create(self, key: str, data: bytes) -> bool:
            if key == "releases/qa/candidates/2":
                prune_versions(DirectoryStore(Path(self.uri)), "qa", lambda: ())
            return super().create(key, data)

    assert make(propose, PrunedMeanwhile(tmp_path / "store"), "two", "1").version == "3"

    assert waiting_versions(store, "qa") == ["3"]


def test_where_two_can_win_a_number_the_other_takes_the_next(tmp_path: Path, make: How) -> None:
    store = DirectoryStore(tmp_path / "store")
    made: List[str] = []

    class Overwritten(DirectoryStore):
        def create(self, key: str, data: bytes) -> bool:
            won = super().create(key, data)
            if key == "releases/qa/versions/1/manifest.json" and not made:
                Path(self.uri, key).unlink()
                made.append(make(publish, store, "other", None).version)
            return won

    assert make(propose, Overwritten(tmp_path / "store"), "one", None).version == "2"

    assert (made, _live(store), waiting_versions(store, "qa")) == (["1"], "1", ["2"])


def test_a_command_can_be_pasted_whatever_the_store_is_called() -> None:
    assert approving_command("qa", "3", "/my models") == "podtune approve qa 3 --store '/my models'"
