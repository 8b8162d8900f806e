import errno
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Type

import pytest
from podtune.errors import (
    BadInput,
    GateRefused,
    Interrupted,
    LostRace,
    PodtuneError,
    TryAgainLater,
    bad_input,
    ending_cleanly,
    from_os_error,
    read_failure,
)


@pytest.mark.parametrize(
    ("kind", "code"),
    [(PodtuneError, 1), (BadInput, 2), (GateRefused, 3), (LostRace, 4), (TryAgainLater, 75), (Interrupted, 143)],
)
def test_an_expected_failure_is_one_line_and_its_own_exit_code(
    kind: Type[PodtuneError], code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as raised, ending_cleanly():
        raise kind("training.epochs must be at least 1; got 0")

    assert raised.value.code == code
    assert capsys.readouterr().err == "error: training.epochs must be at least 1; got 0\n"


def test_the_message_file_receives_the_message_and_the_exit_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PODTUNE_MESSAGE_FILE", str(tmp_path / "message.json"))

    with pytest.raises(SystemExit), ending_cleanly():
        raise GateRefused("f1 fell")

    assert json.loads((tmp_path / "message.json").read_text()) == {"message": "f1 fell", "exit_code": 3}


def test_kubernetes_shows_the_beginning_of_a_long_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("podtune.errors.KUBERNETES_MESSAGE_FILE", tmp_path / "termination-log")
    (tmp_path / "termination-log").touch()

    with pytest.raises(SystemExit), ending_cleanly():
        raise BadInput("train.json has 2 bad entries:\n" + "x" * 5000)

    written = (tmp_path / "termination-log").read_bytes()
    assert written.startswith(b"train.json has 2 bad entries:\nxxx")
    assert len(written) == 4096


@pytest.mark.parametrize(
    ("number", "code", "words"),
    [
        (errno.ENOSPC, 75, "no space left to write /data/x"),
        (errno.EDQUOT, 75, "no space left to write /data/x"),
        (errno.EACCES, 2, "no permission to use /data/x"),
        (errno.EROFS, 2, "no permission to use /data/x"),
        (errno.EIO, 75, "cannot use /data/x: refused; start again when its disk answers"),
        (errno.ESTALE, 75, "cannot use /data/x: refused"),
        (errno.EMFILE, 75, "cannot use /data/x: refused"),
        (errno.ENAMETOOLONG, 2, "cannot use /data/x: refused; choose another path"),
    ],
)
def test_what_the_system_refuses_is_said_in_words(
    number: int, code: int, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as raised, ending_cleanly():
        raise OSError(number, "refused", "/data/x")

    assert raised.value.code == code
    assert words in capsys.readouterr().err


def test_a_short_write_of_numpys_is_a_full_disk() -> None:
    error = from_os_error(OSError("25817 requested and 20416 written"))

    assert isinstance(error, TryAgainLater)
    assert str(error) == "no space left to write the output; free some and start again"


def test_no_room_for_temporary_files_is_a_full_disk() -> None:
    words = "No usable temporary directory found in ['/tmp', '/var/tmp']"
    error = from_os_error(FileNotFoundError(errno.ENOENT, words))

    assert isinstance(error, TryAgainLater)
    assert str(error) == f"no space left in any directory for temporary files: {words}; free some"


def test_a_defect_keeps_its_traceback() -> None:
    with pytest.raises(KeyError), ending_cleanly():
        raise KeyError("defect")


def test_another_refusal_of_the_system_keeps_its_traceback() -> None:
    with pytest.raises(OSError, match="broken"), ending_cleanly():
        raise OSError(errno.EBADF, "broken", "/data/x")


@pytest.mark.parametrize("kind", [PodtuneError, BadInput, GateRefused, LostRace, TryAgainLater, Interrupted])
def test_another_process_reads_the_error_as_it_was(
    kind: Type[PodtuneError], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PODTUNE_MESSAGE_FILE", str(tmp_path / "message.json"))
    with pytest.raises(SystemExit), ending_cleanly():
        raise kind("f1 fell")

    error = read_failure(tmp_path / "message.json")

    assert type(error) is kind
    assert str(error) == "f1 fell"


def test_a_process_that_ended_well_left_no_error(tmp_path: Path) -> None:
    assert read_failure(tmp_path / "message.json") is None


STEP = """
import signal, sys, time
from pathlib import Path
from podtune.errors import ending_cleanly
from podtune.formats.sealed import sealing

with ending_cleanly(), sealing(Path(sys.argv[1]), "features", 1) as draft:
    print("ready", flush=True)
    try:
        time.sleep(60)
    except Exception:
        time.sleep(60)
"""


@pytest.mark.local
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGINT, 130)])
def test_a_signal_ends_any_step_with_its_code_and_leaves_nothing_behind(
    number: signal.Signals, code: int, tmp_path: Path
) -> None:
    command = [sys.executable, "-c", STEP, str(tmp_path / "features")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as step:
        assert step.stdout is not None
        assert step.stdout.readline() == "ready\n"
        step.send_signal(number)
        _, said = step.communicate(timeout=30)

    assert step.returncode == code
    assert said == f"error: stopped by {number.name}; what was not finished is not kept\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.local
def test_a_step_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    runner = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    command = [sys.executable, "-c", STEP, str(tmp_path / "features")]
    given = {**os.environ, "PODTUNE_RUNNER": str(runner.pid)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=given) as step:
        assert step.stdout is not None
        assert step.stdout.readline() == "ready\n"
        runner.kill()  # and nobody has waited for it
        _, said = step.communicate(timeout=30)
    runner.wait()

    assert step.returncode == 143
    assert said == "error: stopped by SIGTERM; what was not finished is not kept\n"
    assert list(tmp_path.iterdir()) == []


def test_what_handled_signals_before_does_so_again() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)]

    with ending_cleanly():
        pass

    assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)] == before


def test_what_would_steer_a_terminal_is_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit), ending_cleanly():
        raise BadInput("question '\x1b]0;title\x07q1\u202e' has no answer\nand another line")

    assert capsys.readouterr().err == "error: question ']0;titleq1' has no answer\nand another line\n"


@pytest.mark.parametrize(
    ("error", "kind", "message"),
    [
        (ValueError("line 3 has\n no colon"), BadInput, "cannot read a.yaml: line 3 has no colon"),
        (
            FileNotFoundError(errno.ENOENT, "No such file or directory", "a.yaml"),
            BadInput,
            "cannot read a.yaml: No such",
        ),
        (OSError(errno.EIO, "Input/output error", "a.yaml"), TryAgainLater, "cannot use a.yaml: Input/output error"),
        (OSError(errno.ENOSPC, "No space left on device", "a.yaml"), TryAgainLater, "no space left to write a.yaml"),
        (ValueError("I/O error (os error 5)"), TryAgainLater, "cannot use the output: Input/output error"),
        (PermissionError(errno.EACCES, "Permission denied", "a.yaml"), BadInput, "no permission to use a.yaml"),
    ],
)
def test_a_disk_that_fails_is_not_taken_for_bad_input(error: Exception, kind: Type[PodtuneError], message: str) -> None:
    with pytest.raises(kind) as raised, bad_input("cannot read a.yaml", ValueError):
        raise error

    assert str(raised.value).startswith(message)


def test_another_error_is_no_bad_input() -> None:
    with pytest.raises(KeyError), bad_input("cannot read a.yaml", ValueError):
        raise KeyError("a")
