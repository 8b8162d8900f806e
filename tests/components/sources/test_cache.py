import errno
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, List

import pytest
from podtune.errors import BadInput
from podtune.sources.cache import cache_directory, through_cache
from podtune.sources.checksums import Sum

HELLO = Sum("2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824", "the recipe")
PLACE = "https://example.org/a/train set.json"


class Download:
    def __init__(self, content: bytes = b"hello") -> None:
        self.content = content
        self.targets: List[Path] = []

    def __call__(self, target: Path) -> None:
        self.targets.append(target)
        target.write_bytes(self.content)


def test_a_file_of_unknown_sum_is_handed_over_and_not_kept(fetching: Path, tmp_path: Path) -> None:
    download = Download()

    through_cache(PLACE, tmp_path / "train.json", None, download)

    assert (tmp_path / "train.json").read_bytes() == b"hello"
    assert [path for path in fetching.rglob("*") if path.is_file()] == []
    assert download.targets[0].parent.name.startswith("train-set.json-")


def test_a_file_of_known_sum_is_fetched_once(fetching: Path, tmp_path: Path) -> None:
    download = Download()

    for name in ("first", "second"):
        through_cache(PLACE, tmp_path / name, HELLO, download)

    assert (tmp_path / "second").read_bytes() == b"hello"
    assert len(download.targets) == 1


def test_those_who_want_the_same_file_wait_for_each_other(fetching: Path, tmp_path: Path) -> None:
    download = Download()

    with ThreadPoolExecutor(4) as threads:
        targets = [tmp_path / str(number) for number in range(4)]
        list(threads.map(lambda target: through_cache(PLACE, target, HELLO, download), targets))

    assert [target.read_bytes() for target in targets] == [b"hello"] * 4
    assert len(download.targets) == 1


def test_a_file_that_was_changed_in_the_cache_is_fetched_again(fetching: Path, tmp_path: Path) -> None:
    download = Download()
    through_cache(PLACE, tmp_path / "first", HELLO, download)
    download.targets[0].write_bytes(b"spoilt")

    through_cache(PLACE, tmp_path / "second", HELLO, download)

    assert (tmp_path / "second").read_bytes() == b"hello"


def test_a_wrong_file_is_refused_and_forgotten(fetching: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInput) as failure:
        through_cache(PLACE, tmp_path / "train.json", HELLO, Download(b"other"))

    assert str(failure.value) == (
        f"{PLACE} has the SHA-256 d9298a10d1b0735837dc4bd85dac641b0f3cef27a47e5d53a54f2f3f5b2fcffa;"
        f" the recipe says {HELLO.digest}"
    )
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_cache_on_another_disk_is_emptied(fetching: Path, tmp_path: Path, monkeypatch: Any) -> None:
    def refuse(*paths: str) -> None:
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))

    monkeypatch.setattr("os.link", refuse)

    through_cache(PLACE, tmp_path / "train.json", HELLO, Download())

    assert (tmp_path / "train.json").read_bytes() == b"hello"
    assert [path for path in fetching.rglob("*") if path.is_file()] == []


def test_a_cache_on_another_disk_is_left_alone_unless_somebody_asks_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    download = Download()
    monkeypatch.delenv("PODTUNE_CACHE", raising=False)
    with TemporaryDirectory(dir="/dev/shm") as memory:
        monkeypatch.setenv("XDG_CACHE_HOME", memory)
        through_cache(PLACE, tmp_path / "train.json", HELLO, download)
        with pytest.raises(BadInput, match="has the SHA-256 "):
            through_cache(PLACE, tmp_path / "other.json", HELLO, Download(b"other"))

        assert download.targets == [tmp_path / "train.json"]
        assert [path.name for path in tmp_path.iterdir()] == ["train.json"]
        assert list(Path(memory).iterdir()) == []

        monkeypatch.setenv("PODTUNE_CACHE", memory)
        through_cache(PLACE, tmp_path / "asked.json", HELLO, download)

        assert download.targets[1].is_relative_to(memory)
        assert (tmp_path / "asked.json").read_bytes() == b"hello"


def test_the_cache_lies_where_the_environment_says(monkeypatch: Any) -> None:
    monkeypatch.delenv("PODTUNE_CACHE", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", "/home/me")
    assert cache_directory() == Path("/home/me/.cache/podtune")

    monkeypatch.setenv("XDG_CACHE_HOME", "/caches")
    assert cache_directory() == Path("/caches/podtune")

    monkeypatch.setenv("PODTUNE_CACHE", "/mine")
    assert cache_directory() == Path("/mine")


def test_a_cache_that_cannot_be_made_says_which_variable_helps(tmp_path: Path, monkeypatch: Any) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("PODTUNE_CACHE", str(tmp_path / "file"))

    with pytest.raises(BadInput, match="Not a directory; set PODTUNE_CACHE to a directory"):
        through_cache(PLACE, tmp_path / "train.json", None, Download())


def test_a_full_disk_is_named(fetching: Path, tmp_path: Path, monkeypatch: Any) -> None:
    def full(*paths: str) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("shutil.move", full)

    with pytest.raises(OSError) as failure:  # noqa: PT011  # the error number is what matters
        through_cache(PLACE, tmp_path / "train.json", None, Download())

    assert (failure.value.errno, failure.value.filename) == (errno.ENOSPC, str(tmp_path / "train.json"))
