"""Versions and contents go from a store; what is live, kept or being published never does."""

import itertools
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Set
from unittest.mock import ANY

import pytest
from inputs.dying_store import Died, DyingStore
from inputs.interleaving import interleave
from podtune.errors import BadInput, LostRace, TryAgainLater
from podtune.formats.release import ReleaseManifest
from podtune.stores import pruned, pruning
from podtune.stores.directory_store import DirectoryStore
from podtune.stores.fetching import fetch_files, verify_fetched
from podtune.stores.live import Live, live_version, move
from podtune.stores.pruned import pruned_versions, refuse_pruned
from podtune.stores.pruning import delete_unnamed, pin, pinned_versions, prune_versions, unpin
from podtune.stores.releases import blob_key, lost_file, propose, publish, read_live, read_release, set_live, versions
from podtune.stores.s3_store import S3Store
from podtune.stores.store import Store

LATER = 1e12
"""A time after everything."""

Publish = Callable[..., ReleaseManifest]


@pytest.fixture
def release(tmp_path: Path) -> Publish:
    """A function (store, content, expected) that publishes qa: a model of two files, one the same in every version."""
    numbers = itertools.count()

    def publish_content(
        store: Any, content: str, expected: Optional[str], how: Callable[..., ReleaseManifest] = publish
    ) -> ReleaseManifest:
        source = tmp_path / f"source-{next(numbers)}"
        source.mkdir()
        (source / "weights").write_text(content)
        (source / "config").write_text("shared")
        files = {"weights": source / "weights", "config": source / "config"}
        return how(store, "qa", files=files, facts={}, expected=expected)

    return publish_content


@pytest.fixture
def filled(store: Store, release: Publish) -> Store:
    """Three versions, of which the third is live."""
    return _fill(store, release)


def _fill(store: Store, release: Publish) -> Store:
    release(store, "one", None)
    release(store, "two", "1")
    release(store, "three", "2")
    return store


def _prune(store: Store, *kept: str) -> List[str]:
    gone = prune_versions(store, "qa", lambda: {*kept, *pinned_versions(store, "qa")})
    delete_unnamed(store, LATER)
    return gone


def _whole(store: Store) -> List[str]:
    return [one for one in versions(store, "qa") if lost_file(store, read_release(store, "qa", one)) is None]


def test_what_is_not_kept_goes_and_what_is_shared_stays(filled: Store, tmp_path: Path) -> None:
    assert _prune(filled, "2") == ["1"]

    assert _whole(filled) == ["2", "3"]
    assert len(list(filled.keys("blobs/"))) == 3
    assert list(pruned_versions(filled, "qa")) == ["1"]
    live = read_live(filled, "qa")
    fetch_files(filled, live, tmp_path / "to")
    verify_fetched(tmp_path / "to", live)


def test_the_live_version_stays_though_nobody_keeps_it(filled: Store) -> None:
    assert _prune(filled) == ["1", "2"]

    assert (_whole(filled), read_live(filled, "qa").version) == (["3"], "3")
    assert list(filled.keys("pruning/")) == []


def test_the_record_of_a_pruned_version_stays_and_its_number_with_it(filled: Store, release: Publish) -> None:
    set_live(filled, "qa", "2", 3)

    assert _prune(filled) == ["1", "3"]

    assert sorted(read_release(filled, "qa", "3").files) == ["config", "weights"]
    assert release(filled, "four", "2").version == "4"


def test_only_contents_claims_and_pins_are_deleted(
    tmp_path: Path, release: Publish, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, deleted = _fill(DirectoryStore(tmp_path / "store"), release), set()
    delete = DirectoryStore.delete
    monkeypatch.setattr(
        DirectoryStore, "delete", lambda self, key: (deleted.add(key.rpartition("/")[0]), delete(self, key))
    )
    pin(store, "qa", "1")
    unpin(store, "qa", "1")

    _prune(store)

    assert deleted == {"blobs/sha256", "pruning", "releases/qa/pins"}  # as manifests/policies/pruner.json allows


def test_a_second_pruning_finds_nothing_and_makes_no_move(filled: Store) -> None:
    _prune(filled)
    before = list(filled.keys(""))

    assert _prune(filled) == []

    assert list(filled.keys("")) == before


def test_a_rollback_to_a_pruned_version_says_so(filled: Store) -> None:
    _prune(filled)

    with pytest.raises(BadInput, match=r"^qa 1 was pruned from .* at 20\d\d-.*, its files are gone; `podtune releases"):
        set_live(filled, "qa", "1", 4)


def test_the_content_of_a_pruned_version_is_published_as_a_new_one(filled: Store, release: Publish) -> None:
    _prune(filled)

    manifest = release(filled, "one", "3")

    assert (manifest.version, lost_file(filled, manifest)) == ("4", None)
    assert list(pruned_versions(filled, "qa")) == ["1", "2"]


def test_where_nothing_is_live_nothing_goes(store: Store, release: Publish) -> None:
    release(store, "one", None)
    store.delete("releases/qa/live/1.json")

    assert _prune(store) == []
    assert _whole(store) == ["1"]


def test_young_contents_stay(directory_store: DirectoryStore, tmp_path: Path) -> None:
    (tmp_path / "content").write_text("being published")
    directory_store.upload(tmp_path / "content", f"blobs/sha256/{'0' * 64}")
    written = (Path(directory_store.uri) / "blobs/sha256" / ("0" * 64)).stat().st_mtime

    assert delete_unnamed(directory_store, written - 1) == []
    assert [one.size for one in delete_unnamed(directory_store, written)] == [15]


def test_a_pinned_version_stays_until_it_is_unpinned(filled: Store) -> None:
    pin(filled, "qa", "1")

    assert _prune(filled) == ["2"]
    unpin(filled, "qa", "1")
    assert _prune(filled) == ["1"]


def test_a_pruned_version_cannot_be_pinned(filled: Store) -> None:
    _prune(filled)

    with pytest.raises(BadInput, match="qa 1 was pruned"):
        pin(filled, "qa", "1")

    assert pinned_versions(filled, "qa") == set()


def test_a_version_that_cannot_be_read_stops_the_deletion(directory_store: DirectoryStore, release: Publish) -> None:
    _fill(directory_store, release)
    (Path(directory_store.uri) / "releases/qa/versions/1/manifest.json").write_text("{")

    with pytest.raises(BadInput, match=r"versions/1/manifest.json in .* is damaged: it is not JSON, so that nobody"):
        delete_unnamed(directory_store, LATER)

    assert len(list(directory_store.keys("blobs/"))) == 4


def test_a_pruning_whose_move_another_made_never_happened(filled: Store) -> None:
    filled.create(f"releases/qa/pruned/{'a' * 32}.json", b'{"move": 4, "versions": ["1"]}')
    undecided = pruned_versions(filled, "qa")
    move(filled, "qa", version="3", after=3)

    assert (undecided, pruned_versions(filled, "qa")) == ({}, {})
    refuse_pruned(filled, "qa", "1")


def test_a_damaged_record_is_named(directory_store: DirectoryStore, release: Publish) -> None:
    _fill(directory_store, release)
    directory_store.create("releases/qa/pruned/a.json", b"{")

    with pytest.raises(BadInput, match=r"releases/qa/pruned/a.json in .* is damaged; restore it, or delete it"):
        set_live(directory_store, "qa", "1", 3)


Actor = Callable[[Any], Any]


def _actors(release: Publish) -> Dict[str, Actor]:
    """All who may meet in a store; each returns a version that it was told is there, or None."""

    def publishing(content: str) -> Actor:
        def act(store: Any) -> Optional[str]:
            with suppress(LostRace):
                return str(release(store, content, "3").version)
            return None

        return act

    def proposing(store: Any) -> None:
        release(store, "two", "3", propose)

    def rolling_back(store: Any) -> None:
        live = live_version(store, "qa")
        assert live
        with suppress(LostRace, BadInput):
            set_live(store, "qa", "1", live.move)

    def pinning(store: Any) -> Optional[str]:
        with suppress(BadInput):
            pin(store, "qa", "2")
            return "2"
        return None

    def pruning_all(store: Any) -> None:
        prune_versions(store, "qa", lambda: pinned_versions(store, "qa"))
        delete_unnamed(store, LATER)

    return {
        "publishes what a dead publisher left": publishing("left"),
        "publishes what is pruned": publishing("one"),
        "proposes": proposing,
        "rolls back": rolling_back,
        "pins": pinning,
        "prunes": pruning_all,
        "prunes too": pruning_all,
    }


def _race(store: Store, release: Publish, tmp_path: Path, seed: int) -> None:
    """Everyone at once; what is live is whole after each write, and at the end whatever was not pruned."""
    _fill(store, release)
    (tmp_path / "left").write_text("left")
    store.upload(tmp_path / "left", "blobs/sha256/360f84035942243c6a36537ae2f8673485e6c04455a0a85a0db19690f2541480")

    def look() -> None:
        live = read_live(store, "qa")
        assert lost_file(store, live) is None, f"{live.version} is live and not whole"
        assert live.version not in pruned_versions(store, "qa"), f"{live.version} is live and pruned"

    told: Dict[str, Any] = interleave(store, seed, _actors(release), look)

    gone = set(pruned_versions(store, "qa"))
    there: Set[str] = {*versions(store, "qa")} - gone
    assert there.issubset(_whole(store))
    assert told["pins"] is None or told["pins"] in there
    assert list(store.keys("pruning/")) == []


@pytest.fixture
def without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pruned, "_PAUSE", 0)


@pytest.mark.parametrize("seed", range(100))
def test_a_race_in_a_directory(
    directory_store: DirectoryStore, release: Publish, tmp_path: Path, without_pauses: None, seed: int
) -> None:
    _race(directory_store, release, tmp_path, seed)


@pytest.mark.parametrize("seed", range(5))
def test_a_race_on_s3(s3_store: S3Store, release: Publish, tmp_path: Path, seed: int) -> None:
    _race(s3_store, release, tmp_path, seed)


def test_a_race_without_turns(exclusive_store: Store, release: Publish, tmp_path: Path, without_pauses: None) -> None:
    """Threads as they come; one whose new content another takes for old, as nothing is too young here, starts again."""
    _fill(exclusive_store, release)

    def publish_often(number: int) -> None:
        for turn in range(5):
            with suppress(LostRace, TryAgainLater):
                release(exclusive_store, f"{'one' if turn % 2 else number}", read_live(exclusive_store, "qa").version)
            _prune(exclusive_store)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(publish_often, range(4)))

    gone = pruned_versions(exclusive_store, "qa")
    assert {one for one in versions(exclusive_store, "qa") if one not in gone}.issubset(_whole(exclusive_store))
    assert lost_file(exclusive_store, read_live(exclusive_store, "qa")) is None


class Preceded(DirectoryStore):
    """A store in which somebody else makes the fourth move just before us."""

    def create(self, key: str, data: bytes) -> bool:
        if key == "releases/qa/live/4.json" and self.read(key) is None:
            set_live(DirectoryStore(Path(self.uri)), "qa", "1", 3)
        return super().create(key, data)


def test_a_pruning_whose_move_another_made_looks_again(tmp_path: Path, release: Publish) -> None:
    store = _fill(DirectoryStore(tmp_path / "store"), release)

    assert prune_versions(Preceded(tmp_path / "store"), "qa", lambda: ()) == ["2", "3"]

    assert list(pruned_versions(store, "qa")) == ["2", "3"]
    assert len(list(store.keys("releases/qa/pruned/"))) == 1


def test_a_pin_whose_move_another_made_looks_again(tmp_path: Path, release: Publish) -> None:
    store = _fill(DirectoryStore(tmp_path / "store"), release)

    pin(Preceded(tmp_path / "store"), "qa", "2")

    assert live_version(store, "qa") == Live("1", ANY, 5)


def test_a_publisher_whose_champion_is_still_live_takes_the_next_move(tmp_path: Path, release: Publish) -> None:
    class PrunedJustBefore(DirectoryStore):
        def create(self, key: str, data: bytes) -> bool:
            if key == "releases/qa/live/4.json" and self.read(key) is None:
                _prune(DirectoryStore(Path(self.uri)))
            return super().create(key, data)

    store = _fill(DirectoryStore(tmp_path / "store"), release)

    manifest = release(PrunedJustBefore(tmp_path / "store"), "four", "3")

    assert (manifest.version, manifest.parent) == ("5", "3")
    assert list(pruned_versions(store, "qa")) == ["1", "2", "4"]
    assert live_version(store, "qa") == Live("5", ANY, 5)


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize(
    ("dies_at", "what"), [*enumerate(["record", "move", "claim", "content", "content", "end of the claim"])]
)
def test_a_pruning_that_died_harms_and_hinders_nobody(
    tmp_path: Path, release: Publish, monkeypatch: pytest.MonkeyPatch, dies_at: int, what: str, after: bool
) -> None:
    monkeypatch.setattr(pruned, "PATIENCE", 0)
    monkeypatch.setattr(pruning, "PATIENCE", 0)
    store = _fill(DirectoryStore(tmp_path / "store"), release)
    with pytest.raises(Died):
        _prune(DyingStore(tmp_path / "store", dies_at, after))  # type: ignore[arg-type]  # create has no annotation

    published = release(store, "one", "3")

    assert lost_file(store, published) is None
    assert read_live(store, "qa") == published
    set_live(store, "qa", "3", live_version(store, "qa").move)  # type: ignore[union-attr]  # there is one
    assert "3" not in _prune(store, "4")
    assert {"3", "4"}.issubset(_whole(store))
    assert [*store.keys("pruning/")] == []


def test_six_writes_make_a_pruning(tmp_path: Path, release: Publish) -> None:
    """So that the test before this one has a death at each."""
    _fill(DirectoryStore(tmp_path / "store"), release)

    assert _prune(DyingStore(tmp_path / "store", 6, after=False)) == ["1", "2"]


def test_a_publisher_waits_until_a_claim_ends(
    directory_store: DirectoryStore, release: Publish, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = release(directory_store, "one", None)
    digest = manifest.files["weights"].sha256
    directory_store.create("pruning/a.json", f'{{"contents": ["{digest}"]}}'.encode())
    directory_store.create("pruning/b.json", f'{{"contents": ["{"0" * 64}"]}}'.encode())
    pauses: List[float] = []

    def end_it(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 3:
            directory_store.delete(blob_key(manifest.files["weights"]))
            directory_store.delete("pruning/a.json")

    monkeypatch.setattr("time.sleep", end_it)

    pruned.await_claims(directory_store, {digest})

    assert pauses == [0.5, 0.5, 0.5]
    assert list(directory_store.keys("pruning/")) == ["pruning/b.json"]
