"""What is hashed, counted; and what makes a file count as changed."""

import os
import threading
import time
from pathlib import Path
from typing import Any, Callable, Dict

import pytest
from podtune.errors import BadInput
from podtune.formats import sums
from podtune.formats.sealed import open_sealed, sealing
from podtune.formats.sums import copy, kept_in, known_sha256, known_sums, sha256_of

ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
ABD = "a52d159f262b2c6ddb724a61840befc36eb30c88877a4030b65cbe86298449c9"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "file").write_bytes(b"abc")
    return tmp_path / "file"


def test_an_unchanged_file_is_read_once_in_a_process(file: Path, hashed: Any) -> None:
    assert [known_sha256(file) for _ in range(3)] == [ABC, ABC, ABC]
    assert hashed == [str(file)]


def test_nor_is_it_read_by_later_processes_of_the_same_home(file: Path, tmp_path: Path, hashed: Any) -> None:
    with kept_in(tmp_path / "home" / "sums"):
        known_sha256(file)
        hashed.forget()

        assert known_sha256(file) == ABC
        assert hashed == []

    assert known_sha256(file) == ABC
    assert hashed == [str(file)]


def test_what_a_step_has_read_meanwhile_is_known(file: Path, tmp_path: Path, hashed: Any) -> None:
    with kept_in(tmp_path / "sums"):
        known_sha256(file)
        (tmp_path / "other").write_bytes(b"abd")
        sums._Memory(str(tmp_path / "sums")).add({sums._mark((tmp_path / "other").stat()): ABD})

        assert known_sums([file, tmp_path / "other"]) == [ABC, ABD]
        assert hashed == [str(file)]


def _of_another_size(file: Path) -> None:
    file.write_bytes(b"abcd")


def _with_its_old_times(file: Path) -> None:
    found = file.stat()
    file.write_bytes(b"abd")
    os.utime(file, ns=(found.st_atime_ns, found.st_mtime_ns))


def _another_file_of_its_name(file: Path) -> None:
    found = file.stat()
    file.with_name("other").write_bytes(b"abd")
    os.utime(file.with_name("other"), ns=(found.st_atime_ns, found.st_mtime_ns))
    file.with_name("other").rename(file)


@pytest.mark.parametrize("change", [_of_another_size, _with_its_old_times, _another_file_of_its_name])
def test_a_changed_file_is_read_again(file: Path, hashed: Any, change: Callable[[Path], None]) -> None:
    known_sha256(file)
    time.sleep(0.02)
    change(file)

    assert known_sha256(file) != ABC
    assert hashed == [str(file)] * 2


def test_a_file_that_changed_within_the_clocks_tick_is_read_again(file: Path) -> None:
    for _ in range(50):
        file.write_bytes(b"abc")
        assert known_sha256(file) == ABC
        file.write_bytes(b"abd")
        assert known_sha256(file) == ABD


def test_a_file_from_the_future_is_never_remembered(file: Path, hashed: Any) -> None:
    os.utime(file, (time.time() + 3600,) * 2)

    assert [known_sha256(file) for _ in range(2)] == [ABC, ABC]
    assert hashed == [str(file)] * 2


@pytest.mark.parametrize(("times", "waited"), [(1_700_000_000_123_456_789, 20_000_000), (1_700_000_000, 2_000_000_000)])
def test_a_clock_without_parts_of_a_millisecond_is_taken_for_a_coarse_one(
    times: int, waited: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    times = times if times > 1_700_000_000 else times * 1_000_000_000
    found = os.stat_result((0o644, 1, 1, 1, 0, 0, 3, 0, 0, 0), {"st_mtime_ns": times, "st_ctime_ns": times})
    monkeypatch.setattr(os, "fstat", lambda _: found)
    monkeypatch.setattr(time, "time_ns", lambda: times + waited - 1)
    assert sums._lasting_mark(0) is None

    monkeypatch.setattr(time, "time_ns", lambda: times + waited)
    assert sums._lasting_mark(0) == sums._Mark(1, 1, 3, times, times)


def test_a_large_file_that_was_just_written_is_waited_for(tmp_path: Path) -> None:
    with kept_in(tmp_path / "sums"):
        (tmp_path / "large").write_bytes(bytes(25_000_000))
        known_sha256(tmp_path / "large")

    assert len((tmp_path / "sums").read_text().split()) == 7


def test_who_must_read_reads_what_is_known(file: Path, hashed: Any) -> None:
    known_sha256(file)

    assert sha256_of(file) == ABC
    assert hashed == [str(file)] * 2


def test_a_copy_is_known_without_being_read(file: Path, tmp_path: Path, hashed: Any) -> None:
    assert copy(file, tmp_path / "copy") == ABC
    assert (tmp_path / "copy").read_bytes() == b"abc"
    assert known_sha256(tmp_path / "copy") == ABC
    assert hashed == []


def test_two_files_are_read_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sums, "cores", lambda: 2)
    both, original = threading.Barrier(2, timeout=10), sums._read

    def reading(path: Path, advance: Any) -> Any:
        both.wait()
        return original(path, advance)

    monkeypatch.setattr(sums, "_read", reading)
    for name, content in (("first", b"abc"), ("second", b"abd")):
        (tmp_path / name).write_bytes(content)

    assert known_sums([tmp_path / "first", tmp_path / "second"]) == [ABC, ABD]


def test_thousands_of_files_keep_their_order(tmp_path: Path) -> None:
    paths = [tmp_path / str(number) for number in range(2_001)]
    for number, path in enumerate(paths):
        path.write_bytes(b"abc" if number % 2 else b"abd")

    with kept_in(tmp_path / "sums"):
        assert known_sums(paths) == [ABD, ABC] * 1000 + [ABD]


DAMAGE: Dict[str, Callable[[bytes], bytes]] = {
    "another sum": lambda line: line.replace(b"ba78", b"ba79"),
    "cut off": lambda line: line[:-20],
    "its beginning lost": lambda line: line[20:],
    "not ASCII": lambda line: line.replace(b"ba78", b"\xff\xfe\x00\x00"),
    "empty": lambda line: b"",
    "a word": lambda line: b"word\n",
    "a number too many": lambda line: b"\n1 " + line[1:],
    "longer than any": lambda line: b"9" * 10_000 + line[1:],
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_line_counts_for_nothing(file: Path, tmp_path: Path, hashed: Any, damage: str) -> None:
    with kept_in(tmp_path / "sums"):
        known_sha256(file)
        (tmp_path / "sums").write_bytes(DAMAGE[damage]((tmp_path / "sums").read_bytes()))
        hashed.forget()

        assert known_sha256(file) == ABC
        assert hashed == [str(file)]
        hashed.forget()
        assert known_sha256(file) == ABC
        assert hashed == []


@pytest.mark.parametrize("obstacle", ["directory", "fifo", "below a file"])
def test_where_sums_cannot_be_kept_files_are_read(file: Path, tmp_path: Path, hashed: Any, obstacle: str) -> None:
    place = tmp_path / "sums"
    if obstacle == "directory":
        place.mkdir()
    elif obstacle == "fifo":
        os.mkfifo(place)
    else:
        place = file / "sums"
    with kept_in(place):
        assert [known_sha256(file), known_sha256(file)] == [ABC, ABC]

    assert hashed == [str(file)]


def test_a_file_of_sums_that_grew_too_large_is_begun_anew(
    file: Path, tmp_path: Path, hashed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sums, "_LARGEST", 1000)
    (tmp_path / "sums").write_bytes(b"x" * 1001)
    with kept_in(tmp_path / "sums"):
        known_sha256(file)
        hashed.forget()
        known_sha256(file)

    assert hashed == []
    assert (tmp_path / "sums").stat().st_size < 200


def test_sealing_and_opening_read_each_file_once(tmp_path: Path, hashed: Any) -> None:
    with sealing(tmp_path / "features", "features", 1) as draft:
        for name in ("first", "second"):
            (draft.path / name).write_text(name)
        known_sha256(draft.path / "first")
    open_sealed(tmp_path / "features", "features", 1)

    assert sorted(Path(path).name for path in hashed) == ["first", "second"]
    hashed.forget()
    open_sealed(tmp_path / "features", "features", 1)
    assert sorted(hashed) == [str(tmp_path / "features" / name) for name in ("first", "second")]


def test_a_wrong_sum_on_record_does_not_hide_damage_from_who_must_read(file: Path, tmp_path: Path) -> None:
    from podtune.formats.sealed import FileEntry, verify_file

    with kept_in(tmp_path / "sums"):
        sums._memory().add({sums._mark(file.stat()): ABD})
        assert known_sha256(file) == ABD

        with pytest.raises(BadInput, match="is corrupted: its SHA-256 is ba78"):
            verify_file(file, FileEntry(3, ABD))
