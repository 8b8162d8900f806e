import os
import signal
import sys
from pathlib import Path
from typing import List

import pytest
from podtune.errors import PodtuneError, TryAgainLater
from podtune.training.step_process import noticing_signals, run_step


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_is_noticed_and_ends_nothing(number: signal.Signals) -> None:
    with noticing_signals() as stopping:
        assert not stopping()

        os.kill(os.getpid(), number)
        os.kill(os.getpid(), number)

        assert stopping()


def test_a_later_second_signal_ends_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    ended: List[int] = []
    times = iter([100.0, 102.9, 102.9, 103.1, 103.1])
    monkeypatch.setattr("time.monotonic", lambda: next(times))
    monkeypatch.setattr("os._exit", ended.append)

    with noticing_signals():
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGTERM)
        assert ended == []
        os.kill(os.getpid(), signal.SIGINT)

    assert ended == [130]


def test_handlers_are_put_back() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]

    with noticing_signals():
        pass

    assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)] == before


@pytest.mark.local
@pytest.mark.parametrize(("own", "expected"), [("", "86400"), ("270", "270")])
def test_torchrun_lets_processes_save_their_state(
    own: str, expected: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    if own:
        monkeypatch.setenv("TORCH_ELASTIC_SHUTDOWN_TIMEOUT", own)
    told = tmp_path / "told"
    program = f"import os; open({str(told)!r}, 'w').write(os.environ['TORCH_ELASTIC_SHUTDOWN_TIMEOUT'])"

    run_step([sys.executable, "-c", program], "finetune", {}, lambda: False)

    assert told.read_text() == expected


@pytest.mark.local
def test_an_end_without_a_message_is_told_by_its_exit_code_or_as_a_lost_node(monkeypatch: pytest.MonkeyPatch) -> None:
    launcher = [sys.executable, "-c", "raise SystemExit(1)"]

    with pytest.raises(PodtuneError, match=r"^finetune ended with exit code 1; the lines above say why$"):
        run_step(launcher, "finetune", {}, lambda: False)

    monkeypatch.setenv("PET_NNODES", "2")
    with pytest.raises(TryAgainLater, match=r"^another node of this training was lost or not reached"):
        run_step(launcher, "finetune", {}, lambda: False)
