import os
import signal

import pytest
from podtune.training.step_process import noticing_signals


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_is_noticed_and_ends_nothing(number: signal.Signals) -> None:
    with noticing_signals() as stopping:
        assert not stopping()

        os.kill(os.getpid(), number)
        os.kill(os.getpid(), number)

        assert stopping()


def test_handlers_are_put_back() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]

    with noticing_signals():
        pass

    assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)] == before
