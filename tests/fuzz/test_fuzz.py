"""A few mutated inputs for every reader, the same each time; `make fuzz` tries a million."""

import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from podtune.errors import BadInput

from fuzz.mutation import damaged
from fuzz.readers import READERS
from fuzz.trial import Reader, rows_of, try_reader

pytestmark = pytest.mark.local


@pytest.mark.parametrize("name", READERS)
def test_no_input_ends_in_a_traceback_a_crash_or_a_hang(name: str, tmp_path: Path) -> None:
    tally = try_reader(name, READERS[name], 10 * READERS[name].weight, seed=0, keep=tmp_path)

    assert tally.kinds == {}


def _fails(kind: str) -> None:
    if kind == "refused":
        raise BadInput("it is no good")
    if kind == "traceback":
        raise KeyError(kind)
    if kind == "killed":
        os.abort()
    if kind == "hang":
        time.sleep(60)


@pytest.mark.parametrize(
    ("kind", "found"),
    [
        ("accepted", {}),
        ("refused", {}),
        ("traceback", {"KeyError at test_fuzz.py:30": (3, 0)}),
        ("killed", {"killed: SIGABRT": (3, 0)}),
        ("hang", {"hang at test_fuzz.py:34": (3, 0)}),
    ],
)
def test_what_becomes_of_an_input_is_told(
    kind: str, found: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fuzz.trial.SECONDS", 0.2)
    reader = Reader(lambda _: [kind.encode()], lambda _, content: content, lambda _, content: _fails(content.decode()))

    tally = try_reader("any", reader, 3, seed=0, keep=tmp_path / "kept")

    assert (dict(tally.outcomes), tally.kinds) == ({kind: 3}, found)
    assert [path.read_bytes() for path in tmp_path.rglob("any-0-0")] == [kind.encode()] * len(found)


def test_a_process_that_does_not_answer_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fuzz.trial.SECONDS", 0.2)

    def deaf(_: Path, content: bytes) -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM])
        time.sleep(60)

    tally = try_reader("any", Reader(lambda _: [b""], damaged, deaf), 1, seed=0, keep=tmp_path)

    assert tally.kinds == {"hang: SIGKILL": (1, 0)}
    assert rows_of({"any": tally})[-1] == "| any | 1 | 0 | 0 | 0 | 0 | 1 | 1 |"
