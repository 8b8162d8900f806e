import errno
import json
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
