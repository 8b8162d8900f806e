import contextlib
import fcntl
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Dict, Iterator, List, Tuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from podtune.errors import BadInput, TryAgainLater, from_os_error
from podtune.stores.directory_store import DirectoryStore


@contextlib.contextmanager
def _small_disk() -> Iterator[None]:
    """No file of this process grows beyond 1,000 bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def _files(directory: Path) -> List[str]:
    return sorted(path.relative_to(directory).as_posix() for path in directory.rglob("*") if path.is_file())


def test_an_object_is_a_file_at_its_key(tmp_path: Path) -> None:
    store = DirectoryStore(tmp_path / "store")

    store.create("releases/qa/live/1.json", b"{}")

    assert _files(tmp_path) == ["store/releases/qa/live/1.json"]
    assert (tmp_path / "store/releases/qa/live/1.json").stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("key", ["", "/", "/etc/passwd", "../a", "a/../../b", "a//b", "a/", "./a", ".lock", "a\0b"])
def test_a_key_stays_inside(tmp_path: Path, key: str) -> None:
    with pytest.raises(BadInput, match="a key must be a relative path that does not start with a dot; got"):
        DirectoryStore(tmp_path).create(key, b"")

    assert not list(tmp_path.iterdir())


def test_a_file_is_no_store(tmp_path: Path) -> None:
    (tmp_path / "store").write_text("")

    with pytest.raises(BadInput, match=r"a store must be a directory; .*/store is a file"):
        DirectoryStore(tmp_path / "store")


def test_a_file_in_the_way_of_a_store_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(BadInput, match=r"cannot make .*/file/store: a file is in its way; choose another store"):
        DirectoryStore(tmp_path / "file" / "store").create("a", b"")


def test_a_full_disk_leaves_no_half_object(tmp_path: Path) -> None:
    store = DirectoryStore(tmp_path / "store")

    with _small_disk(), pytest.raises(OSError, match="File too large") as raised:
        store.create("a", b"x" * 2000)

    translated = from_os_error(raised.value)
    assert isinstance(translated, TryAgainLater)
    assert str(translated).startswith(f"no space left to write {tmp_path}/store")
    assert _files(tmp_path) == []


def test_a_full_disk_leaves_no_half_upload(tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(b"x" * 2000)
    store = DirectoryStore(tmp_path / "store")

    with _small_disk(), pytest.raises(OSError, match="File too large"):
        store.upload(tmp_path / "source", "blobs/b")

    assert _files(tmp_path / "store") == []


def test_an_interrupted_copy_continues_if_the_file_is_the_same(tmp_path: Path) -> None:
    store = DirectoryStore(tmp_path / "store")
    store.create("b", b"x" * 2000)
    with _small_disk(), pytest.raises(OSError, match="File too large"):
        store.download("b", tmp_path / "to" / "target")
    moved: List[int] = []

    store.download("b", tmp_path / "to" / "target", moved.append)

    assert moved == [1000, 1000]
    assert (tmp_path / "to/target").read_bytes() == b"x" * 2000
    assert _files(tmp_path / "to") == ["target"]


def test_an_interrupted_copy_starts_anew_if_the_file_is_another(tmp_path: Path) -> None:
    store = DirectoryStore(tmp_path / "store")
    store.create("b", b"new")
    (tmp_path / "to").mkdir()
    (tmp_path / "to" / ".target.0123456789abcdef.partial").write_bytes(b"ol")

    store.download("b", tmp_path / "to" / "target")

    assert (tmp_path / "to/target").read_bytes() == b"new"
    assert _files(tmp_path / "to") == ["target"]


def test_a_file_system_without_hard_links_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(source: str, target: str) -> None:
        raise OSError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)

    with pytest.raises(BadInput, match="has no hard links; use another store"):
        DirectoryStore(tmp_path).create("a", b"")


KEYS = st.sampled_from(["a", "b/c"])
WRITES = st.tuples(st.sampled_from(["create", "delete"]), KEYS, st.binary(max_size=2))


@settings(max_examples=25, deadline=None)
@given(st.lists(WRITES, max_size=20))
def test_a_create_succeeds_exactly_when_nothing_is_there(
    tmp_path_factory: pytest.TempPathFactory, writes: List[Tuple[str, str, bytes]]
) -> None:
    store = DirectoryStore(tmp_path_factory.mktemp("store"))
    expected: Dict[str, bytes] = {}

    for verb, key, data in writes:
        if verb == "delete":
            store.delete(key)
            expected.pop(key, None)
        else:
            assert store.create(key, data) == (key not in expected)
            expected.setdefault(key, data)
        assert store.read(key) == expected.get(key)

    assert {key: store.size(key) for key in store.keys("")} == {key: len(data) for key, data in expected.items()}


CREATOR = """
import sys
import time
from pathlib import Path
from podtune.stores.directory_store import DirectoryStore

store = DirectoryStore(Path(sys.argv[1]))
print(sum(store.create(f"race/{number}", sys.argv[2].encode()) for number in range(20)))
"""


@pytest.mark.local
def test_of_four_processes_one_creates_each(tmp_path: Path) -> None:
    command = [sys.executable, "-c", CREATOR, str(tmp_path)]

    creators = [subprocess.Popen([*command, str(who)], stdout=subprocess.PIPE, text=True) for who in range(4)]
    won = [int(creator.communicate()[0]) for creator in creators]

    held = [(tmp_path / "race" / str(number)).read_text() for number in range(20)]
    assert won == [held.count(str(who)) for who in range(4)]


def test_what_a_killed_process_left_is_swept_and_what_another_writes_is_not(tmp_path: Path) -> None:
    store = DirectoryStore(tmp_path / "store")
    incoming = tmp_path / "store" / ".incoming"
    incoming.mkdir(parents=True)
    for name, age in (("abandoned", 700), ("held", 700), ("new", 500)):
        (incoming / name).write_text("half")
        os.utime(incoming / name, (time.time() - age,) * 2)

    with (incoming / "held").open("rb") as holder:
        fcntl.flock(holder, fcntl.LOCK_EX)
        store.create("a", b"abc")

    assert sorted(path.name for path in incoming.iterdir()) == ["held", "new"]


def test_a_directory_in_the_place_of_an_object_is_named(directory_store: DirectoryStore, tmp_path: Path) -> None:
    (tmp_path / "source").write_text("abc")
    (tmp_path / "store" / "blobs" / "key").mkdir(parents=True)

    with pytest.raises(BadInput, match=r"^cannot write .*/store/blobs/key: a directory is in its way; move it away$"):
        directory_store.upload(tmp_path / "source", "blobs/key")

    assert _files(tmp_path / "store") == []
