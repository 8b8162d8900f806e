import errno
import subprocess
import sys
from pathlib import Path

import pytest
from podtune.errors import TryAgainLater
from podtune.stores.lease import this_process
from podtune.stores.lock_file import locked

HOLDER = """
import sys, time
from pathlib import Path
from podtune.stores.lock_file import locked
with locked(Path(sys.argv[1]), "held"):
    print("held", flush=True)
    time.sleep(600)
"""


def test_a_lock_names_its_holder_and_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "home" / "lock"

    with locked(path, "a run is under way"), pytest.raises(TryAgainLater) as refused, locked(
        path, "a run is under way"
    ):
        pass

    assert str(refused.value) == f"a run is under way in {this_process()}; start again when it has ended"
    assert list(path.parent.iterdir()) == []


def test_a_lock_does_not_outlive_a_killed_process(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    process = subprocess.Popen([sys.executable, "-c", HOLDER, str(path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout
    assert process.stdout.readline() == "held\n"

    with pytest.raises(TryAgainLater, match=f"held in process {process.pid} on "), locked(path, "held"):
        pass
    process.kill()
    process.communicate()

    with locked(path, "held"):
        assert path.read_text() == f"{this_process()}\n"


def test_a_file_system_without_locks_is_named_and_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("podtune.stores.lock_file.fcntl.flock", refuse)

    with locked(tmp_path / "lock", "held"):
        assert (tmp_path / "lock").exists()

    assert caplog.messages == [f"{tmp_path} is on a file system without locks; let one process at a time use it"]
