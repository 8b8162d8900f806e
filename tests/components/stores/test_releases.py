import itertools
import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, Optional
from unittest.mock import ANY

import pytest
from inputs.dying_store import Died, DyingStore
from podtune.errors import BadInput, LostRace, TryAgainLater
from podtune.formats.release import ReleaseManifest
from podtune.stores.directory_store import DirectoryStore
from podtune.stores.fetching import fetch_files, verify_fetched
from podtune.stores.live import Live, live_version
from podtune.stores.releases import (
    blob_key,
    names,
    publish,
    read_live,
    read_release,
    set_live,
    versions,
)
from podtune.stores.store import Store

ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
"""SHA-256 of b"abc", as its standard says."""


@pytest.fixture
def release(tmp_path: Path) -> Callable[..., ReleaseManifest]:
    """A function (store, content, expected) that publishes a model of two files."""
    numbers = itertools.count()

    def publish_content(store: Store, content: str, expected: Optional[str]) -> ReleaseManifest:
        source = tmp_path / f"source-{next(numbers)}"
        source.mkdir()
        (source / "weights").write_text(content)
        (source / "config").write_text("the same in every version")
        files = {"model.safetensors": source / "weights", "evaluation/manifest.json": source / "config"}
        return publish(store, "qa", files=files, facts={"f1": 88.5}, expected=expected)

    return publish_content


def _live(store: Store) -> Optional[str]:
    live = live_version(store, "qa")
    return live.version if live else None


def test_the_first_release_is_version_1_and_live(store: Store, release: Any) -> None:
    manifest = release(store, "abc", None)

    assert (manifest.name, manifest.version, manifest.parent) == ("qa", "1", None)
    assert manifest.facts == {"f1": 88.5}
    assert manifest.files["model.safetensors"].sha256 == ABC
    assert manifest.files["model.safetensors"].size == 3
    assert _live(store) == "1"
    assert read_live(store, "qa") == read_release(store, "qa", "1") == manifest
    assert (versions(store, "qa"), names(store)) == (["1"], ["qa"])


def test_a_store_holds_blobs_manifests_and_moves(store: Store, release: Any) -> None:
    release(store, "abc", None)

    assert list(store.keys("releases/")) == ["releases/qa/live/1.json", "releases/qa/versions/1/manifest.json"]
    assert store.size(f"blobs/sha256/{ABC}") == 3
    assert len(list(store.keys("blobs/"))) == 2


def test_the_next_release_has_the_live_one_as_its_parent(store: Store, release: Any) -> None:
    release(store, "one", None)

    manifest = release(store, "two", "1")

    assert (manifest.version, manifest.parent, _live(store)) == ("2", "1", "2")


def test_the_content_that_is_live_makes_no_new_version(store: Store, release: Any) -> None:
    first = release(store, "one", None)

    assert release(store, "one", "1") == first
    assert release(store, "one", None) == first
    assert versions(store, "qa") == ["1"]


def test_publishing_again_restores_a_lost_blob(store: Store, release: Any) -> None:
    release(store, "abc", None)
    store.delete(f"blobs/sha256/{ABC}")

    release(store, "abc", "1")

    assert store.size(f"blobs/sha256/{ABC}") == 3


def test_another_run_of_the_same_work_is_the_same_release(directory_store: DirectoryStore, tmp_path: Path) -> None:
    def publish_log(log: str) -> ReleaseManifest:
        (tmp_path / "weights").write_text("abc")
        (tmp_path / "log").write_text(log)
        files = {"model.safetensors": tmp_path / "weights", "training/log.jsonl": tmp_path / "log"}
        return publish(directory_store, "qa", files=files, facts={}, expected=None, record=["training/log.jsonl"])

    assert publish_log("in 2 s") == publish_log("in 3 s")

    assert versions(directory_store, "qa") == ["1"]


def _flip(store: Store, key: str, tmp_path: Path) -> None:
    """Damage an object in a store without changing its size."""
    content = store.read(key)
    assert content
    (tmp_path / "damaged").write_bytes(bytes([content[0] ^ 1]) + content[1:])
    store.upload(tmp_path / "damaged", key)


def test_publishing_again_repairs_a_damaged_blob_of_the_live_version(
    store: Store, release: Any, tmp_path: Path
) -> None:
    first = release(store, "abc", None)
    for entry in first.files.values():
        _flip(store, blob_key(entry), tmp_path)

    assert release(store, "abc", None) == first

    fetch_files(store, first, tmp_path / "to")
    assert (tmp_path / "to/model.safetensors").read_text() == "abc"


def test_a_damaged_blob_is_not_reused(store: Store, release: Any, tmp_path: Path) -> None:
    first = release(store, "abc", None)
    _flip(store, blob_key(first.files["evaluation/manifest.json"]), tmp_path)

    second = release(store, "abd", "1")

    fetch_files(store, second, tmp_path / "to")
    assert (tmp_path / "to/evaluation/manifest.json").read_text() == "the same in every version"


class FlippingStore(DirectoryStore):
    """A line without checksums that damages so many of the next uploads."""

    def __init__(self, root: Path, times: int) -> None:
        super().__init__(root)
        self.times = times

    def upload(self, source: Path, key: str, advance: Any = None) -> None:
        if self.times:
            self.times -= 1
            flipped = source.with_name("flipped")
            flipped.write_bytes(bytes([source.read_bytes()[0] ^ 1]) + source.read_bytes()[1:])
            source = flipped
        super().upload(source, key)


def test_what_was_damaged_on_the_way_up_is_sent_again(tmp_path: Path, release: Any) -> None:
    manifest = release(FlippingStore(tmp_path / "store", times=2), "abc", None)

    fetch_files(DirectoryStore(tmp_path / "store"), manifest, tmp_path / "to")
    assert (tmp_path / "to/model.safetensors").read_text() == "abc"


def test_what_arrives_damaged_each_time_never_goes_live(tmp_path: Path, release: Any) -> None:
    with pytest.raises(TryAgainLater, match=r"arrives damaged in .* each time; look at the way to it, then start"):
        release(FlippingStore(tmp_path / "store", times=3), "abc", None)

    assert _live(DirectoryStore(tmp_path / "store")) is None


def test_a_rollback_to_a_version_that_is_damaged_is_refused(store: Store, release: Any, tmp_path: Path) -> None:
    first = release(store, "abc", None)
    release(store, "abd", "1")
    _flip(store, blob_key(first.files["model.safetensors"]), tmp_path)

    with pytest.raises(BadInput, match=r"qa 1 in .* holds model.safetensors damaged; choose another version"):
        set_live(store, "qa", "1", after=2)

    assert _live(store) == "2"


def test_a_model_judged_against_another_champion_lost_the_race(store: Store, release: Any) -> None:
    release(store, "one", None)
    release(store, "two", "1")

    with pytest.raises(LostRace) as raised:
        release(store, "three", "1")

    expected = f"version 2 of qa is live in {store.uri}, but this model was compared with version 1; run again"
    assert str(raised.value) == expected
    assert (versions(store, "qa"), _live(store)) == (["1", "2"], "2")


def test_the_orchestrator_may_say_what_compares_again(
    store: Store, release: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PODTUNE_AGAIN", "argo retry run --restart-successful")
    release(store, "one", None)

    with pytest.raises(LostRace, match=r"compared with nothing; argo retry run --restart-successful$"):
        release(store, "two", None)


def test_a_model_judged_against_nothing_does_not_replace_a_champion(store: Store, release: Any) -> None:
    release(store, "one", None)

    with pytest.raises(LostRace, match=r"version 1 of qa is live in .* compared with nothing; run again"):
        release(store, "two", None)


def test_a_model_judged_against_a_champion_that_is_gone_lost_the_race(store: Store, release: Any) -> None:
    with pytest.raises(LostRace, match=r"no version of qa is live in .* compared with version 4; run again"):
        release(store, "one", "4")


def test_a_rollback_makes_a_move_and_no_version(store: Store, release: Any) -> None:
    release(store, "one", None)
    release(store, "two", "1")
    live = live_version(store, "qa")
    assert live is not None

    set_live(store, "qa", "1", live.move)

    assert (versions(store, "qa"), _live(store)) == (["1", "2"], "1")
    assert release(store, "three", "1").version == "3"


def test_a_rollback_after_another_move_lost_the_race(store: Store, release: Any) -> None:
    release(store, "one", None)
    live = live_version(store, "qa")
    assert live is not None
    release(store, "two", "1")

    with pytest.raises(LostRace, match=r"the live version of qa in .* changed at this moment"):
        set_live(store, "qa", "1", live.move)

    assert _live(store) == "2"


def test_a_rollback_to_a_version_that_lost_a_file_is_refused(store: Store, release: Any) -> None:
    release(store, "abc", None)
    release(store, "two", "1")
    live = live_version(store, "qa")
    assert live is not None
    store.delete(f"blobs/sha256/{ABC}")

    with pytest.raises(BadInput, match=r"qa 1 in .* has lost model.safetensors; choose another version"):
        set_live(store, "qa", "1", live.move)

    assert _live(store) == "2"


def test_a_version_that_is_not_there_is_answered_with_those_that_are(store: Store, release: Any) -> None:
    release(store, "one", None)

    with pytest.raises(BadInput, match=r"has no version 3 of qa \(releases/qa/versions/3/manifest.json\); it has 1$"):
        read_release(store, "qa", "3")


@pytest.mark.parametrize("version", ["", "0", "latest", "../../qa"])
def test_a_version_is_a_number(directory_store: DirectoryStore, version: str) -> None:
    with pytest.raises(BadInput) as raised:
        read_release(directory_store, "qa", version)

    assert str(raised.value) == f"a version of qa must be a number such as 1; got {version!r}"


def test_a_name_that_is_not_there_is_answered_with_those_that_are(store: Store, release: Any) -> None:
    release(store, "one", None)

    with pytest.raises(BadInput, match="holds no live release named other; it holds qa"):
        read_live(store, "other")


@pytest.mark.parametrize("name", ["", "QA", "../qa", "qa/1", "-qa", "q" * 64])
def test_a_name_that_no_store_takes_is_refused(directory_store: DirectoryStore, name: str) -> None:
    with pytest.raises(BadInput, match="a release's name must be lower-case letters, digits and hyphens, at most 63"):
        live_version(directory_store, name)


@pytest.mark.parametrize("name", ["../config.json", "/etc/passwd", "a//b", "a\nb", "", "release.json", "a\\b"])
def test_a_file_that_would_land_elsewhere_is_not_published(
    directory_store: DirectoryStore, tmp_path: Path, name: str
) -> None:
    (tmp_path / "file").write_text("x")

    with pytest.raises(BadInput, match="a release cannot hold a file named"):
        publish(directory_store, "qa", files={name: tmp_path / "file"}, facts={}, expected=None)

    assert list(directory_store.keys("")) == []


def test_a_damaged_move_is_named(directory_store: DirectoryStore) -> None:
    directory_store.create("releases/qa/live/1.json", b'{"version": 1}')

    with pytest.raises(BadInput, match=r"releases/qa/live/1.json in .* is damaged; delete it and roll back"):
        live_version(directory_store, "qa")


@pytest.mark.parametrize("damage", [Path.mkdir, lambda place: place.symlink_to("nothing")], ids=["directory", "link"])
def test_what_lies_in_the_place_of_a_move_is_named(directory_store: DirectoryStore, release: Any, damage: Any) -> None:
    release(directory_store, "abc", None)
    place = Path(directory_store.uri, "releases/qa/live/1.json")
    place.unlink()
    damage(place)

    with pytest.raises(BadInput, match=r"^releases/qa/live/1.json in .* is taken by what cannot be read; delete"):
        release(directory_store, "abc", None)

    place.rmdir() if place.is_dir() else place.unlink()
    assert release(directory_store, "abc", None).version == "1"
    assert _live(directory_store) == "1"


def test_a_manifest_under_another_version_is_damaged(directory_store: DirectoryStore, release: Any) -> None:
    manifest = release(directory_store, "one", None)
    directory_store.create("releases/qa/versions/2/manifest.json", manifest.to_bytes())

    with pytest.raises(BadInput, match=r"versions/2/manifest.json in .* is damaged: it describes qa 1"):
        read_release(directory_store, "qa", "2")


def test_a_damaged_champion_does_not_keep_its_successor_out(directory_store: DirectoryStore, release: Any) -> None:
    release(directory_store, "one", None)
    (Path(directory_store.uri) / "releases/qa/versions/1/manifest.json").write_text("{")

    assert release(directory_store, "two", "1").version == "2"


def test_of_eight_publishers_one_wins_and_the_others_know(exclusive_store: Store, release: Any) -> None:
    release(exclusive_store, "before", None)

    def attempt(number: int) -> Optional[str]:
        try:
            return str(release(exclusive_store, f"model {number}", "1").version)
        except LostRace:
            return None

    with ThreadPoolExecutor(8) as pool:
        won = [version for version in pool.map(attempt, range(8)) if version]

    assert won == [_live(exclusive_store)]
    for version in versions(exclusive_store, "qa"):
        manifest = read_release(exclusive_store, "qa", version)
        assert all(exclusive_store.size(blob_key(entry)) == entry.size for entry in manifest.files.values())


def test_eight_publishers_of_the_same_content_all_succeed(exclusive_store: Store, release: Any) -> None:
    with ThreadPoolExecutor(8) as pool:
        manifests = list(pool.map(lambda number: release(exclusive_store, "same", None), range(8)))

    assert {manifest.digest for manifest in manifests} == {read_live(exclusive_store, "qa").digest}


class CarelessStore(DirectoryStore):
    """Lets everyone win, as some S3 servers do."""

    def create(self, key: str, data: bytes) -> bool:
        self.delete(key)
        return super().create(key, data) or self.create(key, data)


def test_where_two_can_win_a_reader_still_finds_a_whole_version(tmp_path: Path, release: Any) -> None:
    """Several publishers may be told that they won, or none, or to look again: a repeated run finds its model live."""
    store = CarelessStore(tmp_path / "store")

    def attempt(number: int) -> None:
        with suppress(LostRace, TryAgainLater):
            release(store, f"model {number}", None)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(attempt, range(8)))

    live = read_live(store, "qa")
    fetch_files(store, live, tmp_path / "to")
    verify_fetched(tmp_path / "to", live)
    assert release(store, (tmp_path / "to/model.safetensors").read_text(), None) == live
    with pytest.raises(LostRace, match=rf"^version {live.version} of qa is live in .* with nothing; run again$"):
        release(store, "another model", None)


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize(("dies_at", "what"), [(0, "blob"), (1, "manifest"), (2, "move")])
def test_a_publisher_that_died_left_a_whole_release_and_its_successor_finishes(
    tmp_path: Path, release: Any, dies_at: int, what: str, after: bool
) -> None:
    store = DirectoryStore(tmp_path / "store")
    old = release(store, "old", None)
    with pytest.raises(Died):
        release(DyingStore(tmp_path / "store", dies_at, after), "new", "1")
    between = read_live(store, "qa")
    fetch_files(store, between, tmp_path / "between")

    finished = release(store, "new", "1")

    assert between == old or (what, after) == ("move", True)
    assert (tmp_path / "between/model.safetensors").read_text() == ("new" if between != old else "old")
    assert (finished.version, _live(store), versions(store, "qa")) == ("2", "2", ["1", "2"])


def test_what_was_live_when_stays_on_record(directory_store: DirectoryStore, release: Any) -> None:
    release(directory_store, "one", None)
    release(directory_store, "two", "1")

    set_live(directory_store, "qa", "1", 2)

    moves = [directory_store.read(key) for key in directory_store.keys("releases/qa/live/")]
    assert [json.loads(move or b"")["version"] for move in moves] == ["1", "2", "1"]


def test_moves_are_counted_not_sorted_as_text(directory_store: DirectoryStore, release: Any) -> None:
    release(directory_store, "one", None)
    for move in range(1, 10):
        set_live(directory_store, "qa", "1", move)
    release(directory_store, "two", "1")

    assert live_version(directory_store, "qa") == Live("2", ANY, 11)


def test_a_move_that_no_listing_shows_yet_counts(tmp_path: Path, release: Any) -> None:
    class Behind(DirectoryStore):
        def keys(self, prefix: str) -> Iterator[str]:
            return iter([] if "live" in prefix else super().keys(prefix))

    store = Behind(tmp_path / "store")
    release(store, "one", None)
    release(store, "two", "1")

    assert _live(store) == "2"


def test_a_manifest_is_readable_json(directory_store: DirectoryStore, release: Any) -> None:
    release(directory_store, "abc", None)

    found = directory_store.read("releases/qa/versions/1/manifest.json")

    assert found is not None
    fields: Dict[str, Any] = json.loads(found)
    assert sorted(fields) == ["created", "digest", "facts", "files", "name", "nonce", "parent", "record", "version"]
    assert fields["files"]["model.safetensors"] == {"sha256": ABC, "size": 3}


class Answering(DirectoryStore):
    """A store that gives another answer to the first reads of some keys after they were written."""

    def __init__(self, root: Path, part: str, answer: Any) -> None:
        super().__init__(root)
        self.part, self.answer, self.armed = part, answer, False

    def create(self, key: str, data: bytes) -> bool:
        created = super().create(key, data)
        self.armed = self.armed or "/live/" in key
        return created

    def read(self, key: str) -> Any:
        if self.armed and self.part in key:
            self.armed = False
            if isinstance(self.answer, Exception):
                raise self.answer
            return self.answer
        return super().read(key)


@pytest.mark.parametrize("part", ["/live/", "/versions/"])
@pytest.mark.parametrize(
    "answer", [None, b"", b"<Error/>", BadInput("the store forbids it (403)")], ids=["404", "empty", "a page", "403"]
)
def test_a_winner_that_cannot_read_its_own_move_is_not_told_that_it_lost(
    tmp_path: Path, part: str, answer: Any
) -> None:
    source = tmp_path / "weights"
    source.write_text("abc")
    store = Answering(tmp_path / "store", part, answer)

    with pytest.raises(
        TryAgainLater, match=r"^whether qa 1 is live in .* cannot be read just now \(.*\); start again to know$"
    ) as raised:
        publish(store, "qa", files={"weights": source}, facts={}, expected=None)

    assert "delete" not in str(raised.value)
    assert publish(store, "qa", files={"weights": source}, facts={}, expected=None).version == "1"
    assert versions(store, "qa") == ["1"]
