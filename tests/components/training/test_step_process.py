import os
import signal
from typing import List

import pytest
from podtune.training.step_process import noticing_signals


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
