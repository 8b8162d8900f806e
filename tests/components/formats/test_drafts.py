import errno
import subprocess
import sys
import threading
from pathlib import Path
from typing import List

import pytest
from podtune.formats.drafts import draft_beside, replace_by

DIES = """
import os, sys
from pathlib import Path
from podtune.formats.drafts import draft_beside
with draft_beside(Path(sys.argv[1])) as draft:
    (draft / "file").write_text("x")
    os._exit(9)
"""


def names(directory: Path) -> List[str]:
    return sorted(path.name for path in directory.iterdir())


@pytest.fixture(params=["exchange", "two steps"])
def either_way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Once as Linux's own file systems do it, once as those that cannot exchange two names."""
    if request.param == "two steps":
        monkeypatch.setattr("podtune.formats.drafts._exchange", lambda draft, path: False)
    return str(request.param)


@pytest.mark.usefixtures("either_way")
def test_a_draft_takes_the_place_of_what_was_there(tmp_path: Path) -> None:
    for content in ("one", "two"):
        with draft_beside(tmp_path / "it") as draft:
            (draft / "file").write_text(content)
            replace_by(draft, tmp_path / "it")

    assert (tmp_path / "it" / "file").read_text() == "two"
    assert names(tmp_path) == ["it"]


def test_a_draft_that_cannot_take_its_place_leaves_what_was_there(
    either_way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "it").mkdir()
    (tmp_path / "it" / "file").write_text("one")
    rename = Path.rename

    def failing(path: Path, target: Path) -> Path:
        if path.suffix == ".partial":
            raise OSError(errno.EIO, "Input/output error")
        return rename(path, target)

    with draft_beside(tmp_path / "it") as draft:
        if either_way == "exchange":
            draft.rmdir()
        monkeypatch.setattr(Path, "rename", failing)
        with pytest.raises(OSError, match=r"No such file|Input/output"):
            replace_by(draft, tmp_path / "it")

        assert (tmp_path / "it" / "file").read_text() == "one"


def test_there_is_never_nothing_in_its_place(tmp_path: Path) -> None:
    (tmp_path / "it").mkdir()
    found, ended = [], threading.Event()

    def look() -> None:
        while not ended.is_set():
            found.append((tmp_path / "it").exists())

    looking = threading.Thread(target=look)
    looking.start()
    for _ in range(200):
        with draft_beside(tmp_path / "it") as draft:
            replace_by(draft, tmp_path / "it")
    ended.set()
    looking.join()

    assert set(found) == {True}


def test_a_draft_that_fails_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="full"), draft_beside(tmp_path / "it") as draft:
        (draft / "file").write_text("x")
        raise OSError("full")

    assert names(tmp_path) == []


@pytest.mark.local
def test_what_a_killed_process_left_goes_with_the_next_draft(tmp_path: Path) -> None:
    assert subprocess.run([sys.executable, "-c", DIES, str(tmp_path / "it")], check=False).returncode == 9
    (tmp_path / ".it.abcdefgh.old" / "it").mkdir(parents=True)
    assert len(names(tmp_path)) == 2

    with draft_beside(tmp_path / "it") as draft:
        assert names(tmp_path) == [draft.name]


def test_a_draft_that_another_holds_stays(tmp_path: Path) -> None:
    with draft_beside(tmp_path / "it") as first:
        (first / "file").write_text("first")
        with draft_beside(tmp_path / "it") as second:
            replace_by(second, tmp_path / "it")

        assert (first / "file").read_text() == "first"


def test_only_drafts_of_the_same_name_go(tmp_path: Path) -> None:
    others = [".its.abcdefgh.partial", ".it.partial", ".it.abcdefgh.other", ".it.0123456789abcdef.partial"]
    for name in others:
        (tmp_path / name).mkdir()

    with draft_beside(tmp_path / "it"):
        pass

    assert names(tmp_path) == sorted(others)


def test_where_there_are_no_locks_nothing_is_swept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_locks(*_: object) -> None:
        raise OSError(errno.ENOLCK, "no locks")

    monkeypatch.setattr("fcntl.flock", no_locks)
    (tmp_path / ".it.abcdefgh.partial").mkdir()

    with draft_beside(tmp_path / "it") as draft:
        replace_by(draft, tmp_path / "it")

    assert names(tmp_path) == [".it.abcdefgh.partial", "it"]
